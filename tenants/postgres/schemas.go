package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"tenantry/tenants"
)

// schemas is the layout in which each tenant has a schema of the engine's database, and a role without login that may use
// that schema alone. The tenants' scopes share connections, which sign in as the one login role: it has no rights but to
// become the tenants' roles, within a transaction (lent.go). Everything in the schemas belongs to the provisioner.
//
// A role that could become another one, or run SQL as it, would see that tenant's rows. So the statements of scopes are
// checked (foreign.go), and what could do it in disguise is closed to all roles but the provisioner (closed.go).
type schemas struct {
	*Engine
	logins  *server // as the login role, over the pooler if there is one
	direct  *server // as the login role, to the server itself
	copies  copies
	lenders lenders
	turns   *budget // the transactions that have a lender's connection
}

var _ layout = (*schemas)(nil)

func newSchemas(e *Engine) (*schemas, error) {
	s := &schemas{Engine: e}
	s.lenders.schemas = s
	var err error
	if s.direct, s.logins, err = s.loginServers(); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare claims this database for the installation, closes the server's databases and what is dangerous in this one, and
// makes the login role.
func (s *schemas) prepare(ctx context.Context) error {
	if err := s.claim(ctx); err != nil {
		return err
	}
	s.turns = newTurns(s.MaxConnections(1))
	if err := closeShared(ctx, s.admin, s.config.Log, "postgres", "template1", s.server.Database); err != nil {
		return err
	}
	if err := s.closeGap(ctx, doorsOpen, s.openDoors); err != nil {
		return err
	}
	if err := s.closeGap(ctx, powersHeld, s.heldPowers); err != nil {
		return err
	}
	return s.makeLogin(ctx)
}

func (s *schemas) close() error { return s.lenders.close() }

func (s *schemas) queue() *budget { return s.turns }

func (s *schemas) at(login *server, name string) connector {
	login = login.Copy()
	login.RuntimeParams["search_path"] = name
	return connector{server: login, database: s.server.Database}
}

// login returns the configuration to connect as the login role and become the tenant's at once.
func (s *schemas) login(t *tenants.Tenant) (*server, error) {
	login := s.direct.Copy()
	login.RuntimeParams["role"] = s.roleOf(t.Database)
	return login, nil
}

// roleOf returns the name with a hash of the database's: a tenant that moves has a role on both servers, which may be on one
// cluster, where roles belong to no database.
func (s *schemas) roleOf(name string) string { return name + "_" + s.roleSuffix() }

func (s *schemas) roleSuffix() string { return shortHash(s.server.Database)[:8] }

// holder returns the tenant's role. Drafts and templates have none: CREATE SCHEMA gives no rights to others.
func (s *schemas) holder(name string) string {
	if databasePattern.MatchString(name) {
		return s.roleOf(name)
	}
	return ""
}

func (s *schemas) find(ctx context.Context, one, other string) (haveOne, haveOther bool, err error) {
	err = s.admin.QueryRowContext(ctx, `SELECT coalesce(bool_or(nspname = $1), false), coalesce(bool_or(nspname = $2), false)
		FROM pg_namespace WHERE nspname IN ($1, $2)`, one, other).Scan(&haveOne, &haveOther)
	return haveOne, haveOther, err
}

func (s *schemas) createDraft(ctx context.Context, draft string) error {
	return s.exec(ctx, "CREATE SCHEMA %s", draft)
}

// draftLock is the number of an advisory lock, of which the second key is a hash of the draft's name.
const draftLock = 0x74656e61 // "tena"

// takeDraft takes the draft's lock, in a transaction that release ends.
func (s *schemas) takeDraft(ctx context.Context, draft string) (release func(), err error) {
	tx, err := s.admin.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	release = func() { _ = tx.Rollback() } // releases the lock; there is nothing to commit
	var free bool
	err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1, hashtext($2))", draftLock, draft).Scan(&free)
	if err == nil && !free {
		err = fmt.Errorf("%w: another process is filling it", tenants.ErrInUse)
	}
	if err == nil {
		err = s.remove(ctx, draft)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func (s *schemas) finish(ctx context.Context, draft, name string) error {
	return s.rename(ctx, draft, name)
}

// discard drops a draft unless its lock is held. A rehearsal takes none; its transactions hold locks on its tables.
func (s *schemas) discard(ctx context.Context, draft string) error {
	release, err := s.takeDraft(ctx, draft)
	if stateOf(err) == codeLockTimeout {
		return fmt.Errorf("%w: %w", tenants.ErrInUse, err)
	}
	if err == nil {
		release()
	}
	return err
}

// remove drops the schema. Statements that wait for a lock on one of its tables fail then.
func (s *schemas) remove(ctx context.Context, name string) error {
	return s.execLimited(ctx, "DROP SCHEMA IF EXISTS %s CASCADE", name)
}

// rename renames the schema. A scope that has begun goes on with the tables that it has used.
func (s *schemas) rename(ctx context.Context, from, to string) error {
	return s.execLimited(ctx, "ALTER SCHEMA %s RENAME TO %s", from, to)
}

// execLimited runs a statement that doesn't wait long for a lock: statements of scopes would wait behind it.
func (s *schemas) execLimited(ctx context.Context, statement string, names ...string) error {
	tx, err := s.admin.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing to do after Commit
	if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '3s'; "+withNames(statement, names...)); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *schemas) inspectTemplate(ctx context.Context, template string) (marked bool, owner, user string, err error) {
	err = s.admin.QueryRowContext(ctx, "SELECT true, pg_get_userbyid(nspowner)::text, current_user::text FROM pg_namespace WHERE nspname = $1",
		template).Scan(&marked, &owner, &user)
	return marked, owner, user, err
}

// mark does nothing: Postgres has no mark for schemas.
func (s *schemas) mark(context.Context, string, bool) error { return nil }

func (s *schemas) comment(ctx context.Context, name, text string) error {
	return s.exec(ctx, "COMMENT ON SCHEMA %s IS '"+text+"'", name)
}

func (s *schemas) commentOf(ctx context.Context, name string) (text string, err error) {
	err = s.admin.QueryRowContext(ctx, "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", name).Scan(&text)
	return text, err
}

// newCredentials returns nil: a tenant's role can't log in.
func (s *schemas) newCredentials(string) ([]byte, error) { return nil, nil }

// admit makes the tenant's role, which owns nothing, lets the login role become it, and grants it the use of the schema.
// What the role may do in the schema is kept if it may read the version, which a copy of the template and grantRights grant in
// a transaction with all the rest. Nothing is written if all of that is so.
func (s *schemas) admit(ctx context.Context, t *tenants.Tenant) error {
	l, err := s.locate(ctx, t.Database, false)
	if err == nil && !l.admits() {
		err = retryRaced(ctx, func() error { return run(ctx, s.admin, s.roleScript(t.Database)) })
	}
	if err != nil {
		return err
	}
	var granted bool
	err = s.admin.QueryRowContext(ctx, "SELECT has_table_privilege($1, $2, 'SELECT')", s.roleOf(t.Database), t.Database+".goose_db_version").Scan(&granted)
	if err == nil && !granted {
		err = grantRights(ctx, s.admin, t.Database, s.roleOf(t.Database))
	}
	return err
}

// roleScript makes the tenant's role, if it is missing, and grants it the use of the schema.
func (s *schemas) roleScript(name string) string {
	return render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({role text}, 0));
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role text}) THEN
			CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT ROLE {group};
		ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role text} AND (rolsuper OR rolreplication OR rolbypassrls)) THEN
			RAISE EXCEPTION 'role % has rights that no tenant may have', {role text};
		ELSE
			ALTER ROLE {role} NOLOGIN NOCREATEDB NOCREATEROLE NOINHERIT;
			GRANT {role} TO {group};
		END IF;
		REVOKE ALL ON SCHEMA {name} FROM PUBLIC;
		GRANT USAGE ON SCHEMA {name} TO {role};
	END $tenantry$`, map[string]string{"name": name, "role": s.roleOf(name), "group": s.group})
}

// shut takes the use of the schema from the tenant's role, and from the login role the right to become it.
func (s *schemas) shut(ctx context.Context, role, name string) error {
	script := render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({role text}, 0));
		IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role text}) THEN
			REVOKE {role} FROM {group};
			IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {name text}) THEN
				REVOKE ALL ON SCHEMA {name} FROM {role};
			END IF;
		END IF;
	END $tenantry$`, map[string]string{"role": role, "name": name, "group": s.group})
	return retryRaced(ctx, func() error { return run(ctx, s.admin, script) })
}

func (s *schemas) own(ctx context.Context, name string) error {
	return s.exec(ctx, "ALTER SCHEMA %s OWNER TO CURRENT_USER", name)
}

func (s *schemas) strip(ctx context.Context, name, role string) error {
	if role == "PUBLIC" {
		return s.exec(ctx, "REVOKE ALL ON SCHEMA %s FROM PUBLIC CASCADE", name)
	}
	return s.exec(ctx, "REVOKE ALL ON SCHEMA %s FROM %s CASCADE", name, role)
}

// stripInside takes from the role the right to make tables.
func (s *schemas) stripInside(role, schema string) string {
	return render("REVOKE CREATE ON SCHEMA {schema} FROM {role}", map[string]string{"schema": schema, "role": role})
}

// schemaLocationQuery selects a location's fields for the schemas $1 (name) and $2 (other), the role $3 and the group $4.
// Whether the role may log in means here whether the group may become it.
const schemaLocationQuery = `WITH space AS (
		SELECT * FROM pg_namespace WHERE nspname = $1
	), role AS (
		SELECT * FROM pg_roles WHERE rolname = $3
	), acl AS (
		SELECT a.*, coalesce(g.rolname, 'PUBLIC') AS name, coalesce(g.rolname = $3, false) AS own FROM space
		CROSS JOIN LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a LEFT JOIN pg_roles g ON g.oid = grantee
		WHERE grantee <> nspowner
	), member AS (
		SELECT g.rolname AS name FROM pg_auth_members m JOIN role ON role.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
	), become AS (
		SELECT FROM pg_auth_members m JOIN role ON role.oid = m.roleid JOIN pg_roles g ON g.oid = m.member WHERE g.rolname = $4
	)
	SELECT EXISTS (SELECT FROM space), EXISTS (SELECT FROM pg_namespace WHERE nspname = $2), EXISTS (SELECT FROM acl WHERE own),
		coalesce((SELECT pg_get_userbyid(nspowner)::text FROM space WHERE pg_get_userbyid(nspowner) <> current_user), ''),
		ARRAY(SELECT DISTINCT name::text FROM acl WHERE NOT own OR is_grantable ORDER BY 1),
		EXISTS (SELECT FROM role), EXISTS (SELECT FROM become), EXISTS (SELECT FROM acl WHERE own AND privilege_type = 'USAGE'),
		coalesce((SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
			CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolcanlogin THEN 'LOGIN' END) FROM role), ''),
		ARRAY(SELECT name::text FROM member ORDER BY 1)`

func (s *schemas) locate(ctx context.Context, name string, trashed bool) (*location, error) {
	l := &location{name: name, roleName: s.roleOf(name), other: trashName(name), trashed: trashed, grouped: true, shared: true}
	if trashed {
		l.name, l.other = l.other, l.name
	}
	arrays := pgtype.NewMap()
	err := s.admin.QueryRowContext(ctx, schemaLocationQuery, l.name, l.other, s.roleOf(name), s.group).Scan(
		&l.atName, &l.atOther, &l.open, &l.owner, arrays.SQLScanner(&l.strangers), &l.role, &l.login, &l.connects, &l.powers,
		arrays.SQLScanner(&l.memberships))
	l.open = l.open || !trashed // only a schema in the trash can be closed to its own role
	l.serves = l.atName && !l.atOther && l.login && l.connects
	return l, err
}

// schemasQuery selects the names of this installation's schemas and roles. The database is the installation's own.
const schemasQuery = `WITH become AS (
		SELECT role.rolname AS name FROM pg_auth_members m JOIN pg_roles role ON role.oid = m.roleid JOIN pg_roles grp ON grp.oid = m.member
		WHERE grp.rolname = $1
	), space AS (
		SELECT nspname AS name, 't_' || right(nspname, 26) || '_{suffix}' AS role FROM pg_namespace
		WHERE starts_with(nspname, $2) OR starts_with(nspname, $3) OR starts_with(nspname, $4) OR nspname ~ '^(t|trash)_[0-9a-z]{26}$'
	)
	SELECT name, false FROM space
	UNION ALL
	SELECT rolname, true FROM pg_roles WHERE rolname IN (SELECT name FROM become) OR rolname IN (SELECT role FROM space)`

func (s *schemas) surveyQuery() string {
	return strings.ReplaceAll(schemasQuery, "{suffix}", s.roleSuffix())
}

// openSchemasQuery selects the databases to which everybody, the group $1 or a member of it, such as the login role, may
// connect, except the tenants'.
const openSchemasQuery = `WITH member AS (
		SELECT role.oid, role.rolname FROM pg_auth_members m
		JOIN pg_roles role ON role.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid WHERE grp.rolname = $1
	)
	SELECT datname, array_agg(DISTINCT coalesce(role.rolname, 'PUBLIC')::text COLLATE "C")
	FROM pg_database CROSS JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a
	LEFT JOIN pg_roles role ON role.oid = a.grantee
	WHERE datallowconn AND privilege_type = 'CONNECT' AND datname !~ '^t_[0-9a-z]{26}$'
	AND (grantee = 0 OR datname <> current_database() AND (role.rolname = $1 OR grantee IN (SELECT oid FROM member)))
	GROUP BY datname ORDER BY datname`

func (s *schemas) exposedQuery() string { return openSchemasQuery }

// schemaSize sums the sizes of the tables of a schema, with their indexes.
const schemaSize = `SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace = `

func (s *schemas) sizeSQL() string { return schemaSize + "current_schema()::regnamespace" }

func (s *schemas) sizesQuery() string {
	return `SELECT nspname, size FROM (SELECT nspname, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS size
		FROM pg_namespace n LEFT JOIN pg_class c ON relnamespace = n.oid AND relkind IN ('r', 'm') GROUP BY nspname) AS schemas WHERE nspname `
}

// schemaSigns is databaseSigns, but reads the counters of each schema's tables.
const schemaSigns = `SELECT nspname::text, sign FROM (
		SELECT nspname, CASE current_setting('track_counts') WHEN 'on' THEN concat_ws(' ', n.oid, sum(pg_stat_get_tuples_inserted(c.oid)),
			sum(pg_stat_get_tuples_updated(c.oid)), sum(pg_stat_get_tuples_deleted(c.oid)),
			(SELECT extract(epoch FROM stats_reset) FROM pg_stat_database WHERE datname = current_database()), (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))
			ELSE '' END AS sign
		FROM pg_namespace n LEFT JOIN pg_class c ON relnamespace = n.oid AND relkind IN ('r', 'm') GROUP BY n.oid, nspname
	) AS schemas WHERE nspname `

func (s *schemas) signsQuery() string { return schemaSigns }

// tryLogin begins and ends a scope of the tenant.
func (s *schemas) tryLogin(ctx context.Context, t *tenants.Tenant) error {
	conns, err := s.open(ctx, t, chores)
	if err != nil {
		return err
	}
	return conns.Close()
}
