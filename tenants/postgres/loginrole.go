package postgres

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// The login role is the one as which all scopes of an engine's tenants connect. Its password follows from the installation's
// newest secret key, whose id is in its name: processes with different keys, while these are changed, have login roles of
// their own. The group is a member of each tenant's role, and the login role of the group: so it may become any of them.
// Neither inherits a right.

// loginPrefix begins the names of the login roles. The id of a key follows.
func (s *schemas) loginPrefix() string {
	return s.config.Prefix + "_login_" + shortHash(s.server.Database) + "_"
}

// loginServers returns how to connect as the login role: to the server, and over the pooler, if there is one.
func (s *schemas) loginServers() (direct, pooled *server, err error) {
	secret, key, err := s.config.Keys.Derive("login to schemas of " + s.server.Database)
	if err != nil {
		return nil, nil, err
	}
	direct = s.server.Copy()
	delete(direct.RuntimeParams, "role") // set for the provisioner
	pooled = direct.Copy()
	pooled.RuntimeParams["search_path"] = `""` // until a transaction sets it
	if s.config.Pooler != "" {
		if pooled, err = parseURL(s.config.Pooler); err != nil {
			return nil, nil, fmt.Errorf("pooler: %w", err)
		}
		clear(pooled.RuntimeParams) // a pooler refuses most of them; the login role has them
		pooled.RuntimeParams["client_encoding"] = "UTF8"
	}
	for _, login := range []*server{direct, pooled} {
		login.User, login.Password = s.loginPrefix()+key, base64.RawURLEncoding.EncodeToString(secret)
	}
	// What a pooler's connections were prepared for is not known, and a description must not outlive a tenant's schema.
	pooled.DefaultQueryExecMode, pooled.StatementCacheCapacity = pgx.QueryExecModeCacheDescribe, 0
	return direct, pooled, nil
}

// makeLogin makes the login role with the pinned settings, or sets them again, and removes those of keys that are not used
// any more. It sets the password only if the server doesn't accept it: a pooler may have a copy of its verifier.
func (s *schemas) makeLogin(ctx context.Context) error {
	verifier, err := scramVerifier(s.direct.Password, randomBytes(16), iterations)
	if err != nil {
		return err
	}
	words := map[string]string{"login": s.direct.User, "group": s.group, "verifier": verifier, "database": s.server.Database}
	script := render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({group text}, 0));
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {login text}) THEN
			CREATE ROLE {login} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {verifier text} IN ROLE {group};
		ELSE
			GRANT {group} TO {login};
		END IF;
		GRANT CONNECT ON DATABASE {database} TO {login};
	`+s.pinScript()+`END $tenantry$`, words)
	if err := retryRaced(ctx, func() error { return run(ctx, s.admin, script) }); err != nil {
		return err
	}
	err = s.tryLoginRole(ctx)
	if stateOf(err) == codeWrongPassword {
		set := render("ALTER ROLE {login} LOGIN PASSWORD {verifier text}", words)
		if err = retryRaced(ctx, func() error { return run(ctx, s.admin, set) }); err == nil {
			err = s.tryLoginRole(ctx)
		}
	}
	if state := stateOf(err); state == codeWrongPassword || state == codeNoEntry {
		return fmt.Errorf("%w: the server doesn't let role %s log in with its password; allow it in pg_hba.conf with scram-sha-256: %w",
			tenants.ErrUnavailable, s.direct.User, err)
	}
	if err != nil {
		return err
	}
	return s.dropOldLogins(ctx)
}

// pinScript returns the statements that give the login role the pinned settings, so that sessions begin with them also
// behind a pooler. Nothing is found in the search path of a session that is no tenant's yet.
func (s *schemas) pinScript() string {
	pins := maps.Clone(s.pins)
	delete(pins, "role")
	pins["search_path"] = ""
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		if pins[name] == "" && name != "search_path" {
			continue // a list with an empty word isn't an empty list, and no tenant can change what the server has
		}
		words := map[string]string{"login": s.direct.User, "name": name, "value": pins[name]}
		setting := strings.ToLower(name) + "=" + pins[name]
		if name == "search_path" {
			setting = `search_path=""`
		}
		script.WriteString(render(`IF NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting, unnest(setconfig) AS has
			WHERE setrole = {login text}::regrole AND setdatabase = 0 AND lower(has) = lower({setting text})) THEN
			ALTER ROLE {login} SET {name} = {value text};
		END IF;
		`, mapWith(words, "setting", setting)))
	}
	return script.String()
}

func mapWith(words map[string]string, key, value string) map[string]string {
	words = maps.Clone(words)
	words[key] = value
	return words
}

// tryLoginRole connects to the server once.
func (s *schemas) tryLoginRole(ctx context.Context) (err error) {
	db := sql.OpenDB(connector{server: s.direct, database: s.server.Database})
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.PingContext(ctx)
}

// dropOldLogins drops the login roles of keys that the ring doesn't have.
func (s *schemas) dropOldLogins(ctx context.Context) error {
	var kept []string
	for _, id := range s.config.Keys.IDs() {
		kept = append(kept, s.loginPrefix()+id)
	}
	rows, err := s.admin.QueryContext(ctx, "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1) AND rolname <> ALL ($2)", s.loginPrefix(), kept)
	if err != nil {
		return err
	}
	var old []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		old = append(old, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range old {
		script := render("REVOKE ALL ON DATABASE {database} FROM {name}; DROP ROLE IF EXISTS {name}", map[string]string{"database": s.server.Database, "name": name})
		if err := retryRaced(ctx, func() error { return run(ctx, s.admin, script) }); err != nil && stateOf(err) != codeUndefinedObject {
			return err
		}
	}
	return nil
}
