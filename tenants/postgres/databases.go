package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"tenantry/tenants"
)

// databases is the layout in which each tenant has a database of its own, and a role that may connect to it and to no
// other. Its permissions there come from the group, a role without login. They are in the template, so every copy has them
// without a connection to it. All databases belong to the provisioner.
type databases struct{ *Engine }

var _ layout = databases{}

func (d databases) prepare(ctx context.Context) error {
	return closeShared(ctx, d.admin, d.config.Log, "postgres", "template1", d.server.Database)
}

func (d databases) close() error { return nil }

func (d databases) queue() *budget { return d.budget }

func (d databases) at(login *server, name string) connector {
	return connector{server: login, database: name}
}

// roleOf returns the database's name.
func (d databases) roleOf(name string) string { return name }

func (d databases) holder(string) string { return d.group }

// login returns the configuration to connect as the tenant's role, which has the database's name.
func (d databases) login(t *tenants.Tenant) (*server, error) {
	password, err := d.password(t)
	if err != nil {
		return nil, err
	}
	login := d.server.Copy()
	login.User, login.Password = t.Database, password
	delete(login.RuntimeParams, "role") // set for the provisioner
	pin(login.RuntimeParams, d.pins)
	return login, nil
}

// open gives the handle a pool of its own. Read and Write are the same pool, because Postgres refuses writes in a read-only
// transaction.
func (d databases) open(ctx context.Context, t *tenants.Tenant, of class) (*tenants.Conns, error) {
	login, err := d.login(t)
	if err != nil {
		return nil, err
	}
	s, err := d.openShare(ctx, t.Database, login, of, d.config.TenantConns) // more than one: a request may come meanwhile
	if err != nil {
		return nil, err
	}
	return &tenants.Conns{Write: s.db, Read: s.db, Place: placeOf(login.Host), Admit: s.admit}, nil
}

// find reports which of two databases exist.
func (d databases) find(ctx context.Context, one, other string) (haveOne, haveOther bool, err error) {
	err = d.admin.QueryRowContext(ctx, `SELECT coalesce(bool_or(datname = $1), false), coalesce(bool_or(datname = $2), false)
		FROM pg_database WHERE datname IN ($1, $2)`, one, other).Scan(&haveOne, &haveOther)
	return haveOne, haveOther, err
}

func (d databases) createDraft(ctx context.Context, draft string) error {
	if err := d.exec(ctx, "CREATE DATABASE %s TEMPLATE template0 "+d.locale+" ALLOW_CONNECTIONS false", draft); err != nil {
		return err
	}
	return d.exec(ctx, `REVOKE ALL ON DATABASE %[1]s FROM PUBLIC; ALTER DATABASE %[1]s WITH ALLOW_CONNECTIONS true`, draft)
}

// takeDraft drops the draft, which fails while a session is connected to it.
func (d databases) takeDraft(ctx context.Context, draft string) (release func(), err error) {
	return func() {}, d.exec(ctx, "DROP DATABASE IF EXISTS %s", draft)
}

func (d databases) finish(ctx context.Context, draft, name string) error {
	if err := d.exec(ctx, "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false", draft); err != nil {
		return err
	}
	return retryInUse(ctx, func() error { return d.exec(ctx, "ALTER DATABASE %s RENAME TO %s", draft, name) })
}

// discard drops an unfinished adoption or a rehearsal, unless a session is connected to it, as the process
// that works on it is.
func (d databases) discard(ctx context.Context, name string) error {
	err := d.exec(ctx, "DROP DATABASE IF EXISTS %s", name)
	if stateOf(err) == codeObjectInUse {
		return fmt.Errorf("%w: %w", tenants.ErrInUse, err)
	}
	return err
}

func (d databases) remove(ctx context.Context, name string) error {
	return d.exec(ctx, "DROP DATABASE IF EXISTS %s WITH (FORCE)", name)
}

func (d databases) rename(ctx context.Context, from, to string) error {
	if err := d.cutConnections(ctx, from); err != nil {
		return err
	}
	return d.exec(ctx, "ALTER DATABASE %s RENAME TO %s", from, to)
}

// cutConnections ends the sessions of the tenant's role, and of the provisioner, in a database.
func (d databases) cutConnections(ctx context.Context, database string) error {
	_, err := d.admin.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND pid <> pg_backend_pid() AND pg_has_role(usesysid, 'USAGE')`, database)
	return err
}

// copyTemplate copies the database. A copy doesn't inherit the template's permissions and would be open to every role, so
// it is closed to connections at first.
func (d databases) copyTemplate(ctx context.Context, template, name string) error {
	return d.exec(ctx, "CREATE DATABASE %s TEMPLATE %s ALLOW_CONNECTIONS false", name, template)
}

func (d databases) inspectTemplate(ctx context.Context, template string) (marked bool, owner, user string, err error) {
	err = d.admin.QueryRowContext(ctx, "SELECT datistemplate, pg_get_userbyid(datdba)::text, current_user::text FROM pg_database WHERE datname = $1",
		template).Scan(&marked, &owner, &user)
	return marked, owner, user, err
}

// mark doesn't matter for copying one's own database. It protects the template from a mistaken DROP.
func (d databases) mark(ctx context.Context, template string, marked bool) error {
	return d.exec(ctx, fmt.Sprintf("ALTER DATABASE %%s WITH IS_TEMPLATE %t", marked), template)
}

func (d databases) comment(ctx context.Context, name, text string) error {
	return d.exec(ctx, "COMMENT ON DATABASE %s IS '"+text+"'", name)
}

func (d databases) commentOf(ctx context.Context, name string) (text string, err error) {
	err = d.admin.QueryRowContext(ctx, "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1", name).Scan(&text)
	return text, err
}

// newCredentials returns a random password for the tenant's role, sealed.
func (d databases) newCredentials(id string) ([]byte, error) { return d.newPassword(id) }

// admit makes the tenant's role, or sets its password and limits again, grants it alone access to the
// database, and opens the database for connections. Postgres fails if two sessions do so at the same
// time, so the script takes a lock.
func (d databases) admit(ctx context.Context, t *tenants.Tenant) error {
	verifier, err := d.verifier(t)
	if err != nil {
		return err
	}
	name := t.Database
	script := render(`DO $tenantry$ DECLARE place name; BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({name text}, 0));
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name text}) THEN
			CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
				CONNECTION LIMIT {limit} PASSWORD {verifier text} IN ROLE {group};
		ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name text} AND (rolsuper OR rolreplication OR rolbypassrls)) THEN
			RAISE EXCEPTION 'role % has rights that no tenant may have', {name text};
		ELSE
			ALTER ROLE {name} LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT {limit} PASSWORD {verifier text};
			IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name text} AND rolvaliduntil < 'infinity') THEN
				ALTER ROLE {name} VALID UNTIL 'infinity';
			END IF;
			ALTER ROLE {name} RESET ALL;
			FOR place IN SELECT datname FROM pg_catalog.pg_db_role_setting JOIN pg_catalog.pg_database d ON d.oid = setdatabase
				JOIN pg_catalog.pg_roles r ON r.oid = setrole WHERE rolname = {name text}
			LOOP
				EXECUTE pg_catalog.format('ALTER ROLE %I IN DATABASE %I RESET ALL', {name text}, place);
			END LOOP;
			GRANT {group} TO {name};
		END IF;
		REVOKE ALL ON DATABASE {name} FROM PUBLIC;
		GRANT CONNECT ON DATABASE {name} TO {name};
		ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true;
	END $tenantry$`, map[string]string{
		"name": name, "group": d.group, "verifier": verifier, "limit": fmt.Sprint(d.roleLimit()),
	})
	return retryRaced(ctx, func() error { return run(ctx, d.admin, script) })
}

// shut closes the database, if it exists, for connections, and takes from the tenant's role the right to
// log in.
func (d databases) shut(ctx context.Context, role, name string) error {
	script := render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({role text}, 0));
		IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {name text}) THEN
			ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false;
		END IF;
		IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {role text}) THEN
			ALTER ROLE {role} NOLOGIN;
		END IF;
	END $tenantry$`, map[string]string{"role": role, "name": name})
	return retryRaced(ctx, func() error { return run(ctx, d.admin, script) })
}

func (d databases) own(ctx context.Context, name string) error {
	return d.exec(ctx, "ALTER DATABASE %s OWNER TO CURRENT_USER", name)
}

func (d databases) strip(ctx context.Context, name, role string) error {
	if role == "PUBLIC" {
		return d.exec(ctx, "REVOKE ALL ON DATABASE %s FROM PUBLIC CASCADE", name)
	}
	return d.exec(ctx, "REVOKE ALL ON DATABASE %s FROM %s CASCADE", name, role)
}

// stripInside takes away what the role has otherwise than through the group.
func (d databases) stripInside(role, schema string) string {
	return render(`REVOKE CREATE ON SCHEMA {schema} FROM {group}; REVOKE ALL ON SCHEMA {schema} FROM {name};
		REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {name}`,
		map[string]string{"schema": schema, "group": d.group, "name": role})
}

// locationQuery selects a site's fields for the databases $1 (name) and $2 (other), the role $3 and the group
// $4.
const locationQuery = `WITH database AS (
		SELECT * FROM pg_database WHERE datname = $1
	), role AS (
		SELECT * FROM pg_roles WHERE rolname = $3
	), acl AS (
		SELECT a.*, coalesce(g.rolname, 'PUBLIC') AS name, coalesce(g.rolname = $3, false) AS own FROM database
		CROSS JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a LEFT JOIN pg_roles g ON g.oid = grantee
		WHERE grantee <> datdba
	), member AS (
		SELECT g.rolname AS name FROM pg_auth_members m JOIN role ON role.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
	)
	SELECT EXISTS (SELECT FROM database), EXISTS (SELECT FROM pg_database WHERE datname = $2),
		coalesce((SELECT datallowconn FROM database), false),
		coalesce((SELECT pg_get_userbyid(datdba)::text FROM database WHERE pg_get_userbyid(datdba) <> current_user), ''),
		ARRAY(SELECT DISTINCT name::text FROM acl WHERE NOT own OR privilege_type <> 'CONNECT' OR is_grantable ORDER BY 1),
		EXISTS (SELECT FROM role), EXISTS (SELECT FROM role WHERE rolcanlogin),
		EXISTS (SELECT FROM acl WHERE own AND privilege_type = 'CONNECT'),
		coalesce((SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
			CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) FROM role), ''),
		ARRAY(SELECT DISTINCT split_part(setting, '=', 1) FROM pg_db_role_setting JOIN role ON role.oid = setrole, unnest(setconfig) AS setting ORDER BY 1),
		EXISTS (SELECT FROM role WHERE rolvaliduntil < 'infinity'), coalesce((SELECT rolconnlimit FROM role), 0),
		ARRAY(SELECT name::text FROM member WHERE name <> $4 ORDER BY 1), EXISTS (SELECT FROM member WHERE name = $4)`

func (d databases) locate(ctx context.Context, name string, trashed bool) (*location, error) {
	s := &location{name: name, roleName: d.roleOf(name), other: trashName(name), trashed: trashed, wantLimit: d.roleLimit()}
	if trashed {
		s.name, s.other = s.other, s.name
	}
	arrays := pgtype.NewMap()
	err := d.admin.QueryRowContext(ctx, locationQuery, s.name, s.other, name, d.group).Scan(
		&s.atName, &s.atOther, &s.open, &s.owner, arrays.SQLScanner(&s.strangers), &s.role, &s.login, &s.connects, &s.powers,
		arrays.SQLScanner(&s.planted), &s.lapses, &s.limit, arrays.SQLScanner(&s.memberships), &s.grouped)
	s.serves = s.atName && !s.atOther && s.open && s.login && s.connects && s.grouped
	return s, err
}

// databasesQuery selects the names of this installation's databases and roles.
const databasesQuery = `WITH mine AS (
		SELECT dbid FROM pg_shdepend JOIN pg_roles grp ON grp.oid = refobjid
		WHERE refclassid = 'pg_authid'::regclass AND rolname = $1
	), member AS (
		SELECT role.rolname AS name FROM pg_auth_members m
		JOIN pg_roles role ON role.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid
		WHERE grp.rolname = $1
	), database AS (
		SELECT datname AS name, 't_' || right(datname, 26) AS role FROM pg_database
		WHERE oid IN (SELECT dbid FROM mine) OR starts_with(datname, $2) OR starts_with(datname, $3) OR starts_with(datname, $4)
		OR datname ~ '^(t|trash)_[0-9a-z]{26}$' AND 't_' || right(datname, 26) IN (SELECT name FROM member)
	)
	SELECT name, false FROM database
	UNION ALL
	SELECT rolname, true FROM pg_roles
	WHERE rolname IN (SELECT name FROM member) OR rolname IN (SELECT role FROM database)`

func (d databases) surveyQuery() string { return databasesQuery }

// openDatabasesQuery selects the databases to which everybody, the group $1 or a member of it may connect,
// except tenants' databases, which Examine checks.
const openDatabasesQuery = `WITH member AS (
		SELECT role.oid, role.rolname FROM pg_auth_members m
		JOIN pg_roles role ON role.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid WHERE grp.rolname = $1
	)
	SELECT datname, array_agg(DISTINCT coalesce(role.rolname, 'PUBLIC')::text COLLATE "C")
	FROM pg_database CROSS JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a
	LEFT JOIN pg_roles role ON role.oid = a.grantee
	WHERE datallowconn AND privilege_type = 'CONNECT' AND datname !~ '^t_[0-9a-z]{26}$'
	AND (grantee = 0 OR role.rolname = $1 OR grantee IN (SELECT oid FROM member))
	GROUP BY datname ORDER BY datname`

func (d databases) exposedQuery() string { return openDatabasesQuery }

func (d databases) sizeSQL() string { return "SELECT pg_database_size(current_database())" }

func (d databases) sizesQuery() string {
	return "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datname "
}

// databaseSigns reads the rows that were written in each database, as the server counts them when transactions have ended,
// and what begins the counters anew: another database of the name, a reset, or the recovery of the server after a crash,
// which resets all of the server's statistics.
const databaseSigns = `SELECT datname::text, CASE current_setting('track_counts') WHEN 'on' THEN
		concat_ws(' ', datid, tup_inserted, tup_updated, tup_deleted, extract(epoch FROM d.stats_reset), extract(epoch FROM w.stats_reset)) ELSE '' END
	FROM pg_stat_database d, pg_stat_bgwriter w WHERE datname `

func (d databases) signsQuery() string { return databaseSigns }
