package postgres

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A tenant's role may connect to the tenant's database and to no other. Its permissions there come from
// the group, a role without login. They are in the template, so every copy has them without a connection
// to it. All databases belong to the provisioner.

// loginsPerConn times TenantConns is the connection limit of a role, enough for that many processes. It
// also limits what a stolen password can be used for.
const loginsPerConn = 5

// roleLimit returns the connection limit of a tenant's role.
func (e *Engine) roleLimit() int { return e.config.TenantConns * loginsPerConn }

// groupName returns the name of the group of the installation with that admin database.
func groupName(prefix, database string) string { return prefix + "_app_" + shortHash(database) }

// makeGroup makes the group if it is missing.
func (e *Engine) makeGroup(ctx context.Context) error {
	script := render(`DO $tenantry$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {group text}) THEN
			CREATE ROLE {group} NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
		END IF;
	END $tenantry$`, map[string]string{"group": e.group})
	return retryRaced(ctx, func() error { return run(ctx, e.admin, script) })
}

// joinRole makes the provisioner a member of the tenant's role. Without that, only a superuser can end
// the role's sessions.
func (e *Engine) joinRole(ctx context.Context, name string) error {
	script := render(`DO $tenantry$ BEGIN
		IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name text} AND NOT pg_catalog.pg_has_role(oid, 'USAGE')) THEN
			GRANT {name} TO CURRENT_USER;
		END IF;
	END $tenantry$`, map[string]string{"name": name})
	return retryRaced(ctx, func() error { return run(ctx, e.admin, script) })
}

// run runs a script of several statements as one transaction.
func run(ctx context.Context, db *sql.DB, script string) error {
	_, err := db.ExecContext(ctx, script)
	return err
}

// render inserts words into a script: {x} as an identifier or a number, {x text} as a string literal. A DO
// block accepts no parameters.
func render(script string, words map[string]string) string {
	var pairs []string
	for key, word := range words {
		bare := pgx.Identifier{word}.Sanitize()
		if strings.Trim(word, "0123456789") == "" {
			bare = word
		}
		pairs = append(pairs, "{"+key+"}", bare, "{"+key+" text}", "'"+strings.ReplaceAll(word, "'", "''")+"'")
	}
	return strings.NewReplacer(pairs...).Replace(script)
}
