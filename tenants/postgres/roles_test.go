package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// own is a server of the test's own, which asks everybody for a password, and
// an engine on it.
type own struct {
	*Engine
	cluster *pgcluster.Cluster
	root    *server // a superuser's
	master  string  // a master database
	log     *bytes.Buffer
}

// provisioners are who an engine may be on a server.
func provisioners() map[string]func(t *testing.T, cluster *pgcluster.Cluster) (url string) {
	return map[string]func(t *testing.T, cluster *pgcluster.Cluster) string{
		"superuser":    func(_ *testing.T, cluster *pgcluster.Cluster) string { return cluster.URL() },
		"no superuser": ordinary,
	}
}

// ordinary makes a provisioner with no rights but those it needs, and its admin
// database.
func ordinary(t *testing.T, cluster *pgcluster.Cluster) string {
	t.Helper()
	root := parsed(t, cluster.URL())
	for _, statement := range []string{
		"CREATE ROLE provisioner LOGIN CREATEDB CREATEROLE PASSWORD 'provisioning'",
		"CREATE DATABASE tenantry OWNER provisioner",
	} {
		if err := attempt(t, root, root.Database, statement); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword("provisioner", "provisioning"), "/tenantry"
	return u.String()
}

func parsed(t *testing.T, url string) *server {
	t.Helper()
	config, err := parseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// eachProvisioner runs f as a parallel subtest with each kind of provisioner.
func eachProvisioner(t *testing.T, f func(t *testing.T, s *own)) {
	t.Helper()
	for name, provisioner := range provisioners() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := pgcluster.New(t)
			s := &own{cluster: cluster, root: parsed(t, cluster.URL()), log: &bytes.Buffer{}}
			c := configAt(t, provisioner(t, cluster))
			c.Log = slog.New(slog.NewJSONHandler(s.log, nil))
			s.Engine = newEngine(t, c)
			s.makeMaster(t)
			f(t, s)
		})
	}
}

// makeMaster makes a master beside the admin database.
func (s *own) makeMaster(t *testing.T) {
	t.Helper()
	s.master = "master"
	if err := s.exec(t.Context(), "CREATE DATABASE %s", s.master); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.config.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + s.master
	openMaster(t, u.String())
}

func (s *own) loginOf(t *testing.T, tenant *tenants.Tenant) *server {
	t.Helper()
	login, err := s.layout.login(tenant)
	if err != nil {
		t.Fatal(err)
	}
	return login
}

// obeyWarning has an administrator do what the engine asks for, where it does.
func (s *own) obeyWarning(t *testing.T) {
	t.Helper()
	if s.server.User == s.root.User {
		return
	}
	const want = `REVOKE CONNECT ON DATABASE \"postgres\" FROM PUBLIC; REVOKE CONNECT ON DATABASE \"template1\" FROM PUBLIC;`
	if got := s.log.String(); strings.Count(got, want) != 1 || strings.Count(got, "WARN") != 1 {
		t.Errorf("the log says %s", got)
	}
	if err := attempt(t, s.root, s.root.Database, strings.ReplaceAll(want, `\"`, `"`)); err != nil {
		t.Fatal(err)
	}
	s.log.Reset()
	newEngine(t, s.config)
	if got := s.log.String(); strings.Contains(got, "WARN") {
		t.Errorf("the warning was obeyed, and still the log says %s", got)
	}
}

// state is everything that decides who may do what, on the whole server.
func (s *own) state(t *testing.T, tenant *tenants.Tenant) string {
	t.Helper()
	conn, err := connector{server: s.root, database: tenant.Database}.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var state string
	err = conn.Conn.Conn().QueryRow(t.Context(), `SELECT concat_ws(E'\n',
		(SELECT string_agg(concat_ws(' ', datname, datdba, datacl, datallowconn), E'\n' ORDER BY datname) FROM pg_database),
		(SELECT string_agg(r::text, E'\n' ORDER BY rolname) FROM pg_authid r),
		(SELECT string_agg(m::text, E'\n' ORDER BY m::text) FROM pg_auth_members m),
		(SELECT string_agg(concat_ws(' ', relname, relowner, relacl), E'\n' ORDER BY relname) FROM pg_class),
		(SELECT string_agg(concat_ws(' ', nspname, nspowner, nspacl), E'\n' ORDER BY nspname) FROM pg_namespace),
		(SELECT string_agg(d::text, E'\n' ORDER BY d::text) FROM pg_default_acl d),
		(SELECT string_agg(s::text, E'\n' ORDER BY s::text) FROM pg_db_role_setting s),
		(SELECT string_agg(g::text, E'\n' ORDER BY g::text) FROM goose_db_version g))`).Scan(&state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestContractOfATenantsRole is what the application promises of a tenant's
// password: that it opens the tenant's rows, and nothing else on the server.
func TestContractOfATenantsRole(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		s.obeyWarning(t)
		tenant, other := made(t, s.Engine), made(t, s.Engine)
		before := s.state(t, tenant)
		s.wantPasswordAsked(t, tenant)
		s.wantClosed(t, tenant, other)
		s.wantPowerless(t, tenant, other)
		if after := s.state(t, tenant); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		wantUsable(t, handle(t, s.Engine, tenant))
	})
}

// wantPasswordAsked shows that the server would refuse what the engine could
// get wrong.
func (s *own) wantPasswordAsked(t *testing.T, tenant *tenants.Tenant) {
	t.Helper()
	login := s.loginOf(t, tenant)
	if err := attempt(t, login, tenant.Database, "SELECT 1"); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	for _, wrong := range []string{"", "wrong", login.Password + "x"} {
		login.Password = wrong
		if err := attempt(t, login, tenant.Database, "SELECT 1"); err == nil || stateOf(err) != "28P01" && wrong != "" {
			t.Errorf("with a wrong password: %v", err)
		}
	}
}

func (s *own) wantClosed(t *testing.T, tenant, other *tenants.Tenant) {
	t.Helper()
	login := s.loginOf(t, tenant)
	for _, database := range []string{other.Database, s.master, s.server.Database, "postgres", "template1", "template0", s.template.name} {
		err := attempt(t, login, database, "SELECT 1")
		if code := stateOf(err); code != "42501" && code != "55000" { // insufficient_privilege, or no connections allowed
			t.Errorf("connect to %s: %v", database, err)
		}
	}
}

// trials are what a tenant's role might try. A few statements, marked with a
// plus, only warn and do nothing: the state of the server shows that.
func trials() []string {
	return []string{
		"CREATE TABLE mine (n int)", "CREATE TABLE mine AS SELECT 1", "CREATE VIEW mine AS SELECT 1", "CREATE SEQUENCE mine",
		"CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TYPE mine AS (n int)",
		"CREATE SCHEMA mine", "CREATE EXTENSION {extension}", "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
		"CREATE TEMPORARY TABLE mine (n int)", "CREATE TEMP VIEW mine AS SELECT 1",
		"CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"ALTER TABLE people ADD COLUMN mine int", "ALTER TABLE people DISABLE TRIGGER ALL", "ALTER TABLE people OWNER TO {me}",
		"CREATE INDEX mine ON people (name)", "DROP TABLE people", "DROP INDEX people_email_key", "DROP SCHEMA public CASCADE",
		"CREATE TRIGGER mine AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"TRUNCATE people CASCADE", "CREATE RULE mine AS ON INSERT TO people DO NOTHING", "COMMENT ON TABLE people IS 'mine'",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)", "UPDATE goose_db_version SET is_applied = false",
		"DELETE FROM goose_db_version", "DROP TABLE goose_db_version", "SELECT nextval('goose_db_version_id_seq')",
		"SELECT setval('people_id_seq', 1)", "ALTER SEQUENCE people_id_seq RESTART",
		"+GRANT CONNECT ON DATABASE {me} TO PUBLIC", "+GRANT CONNECT ON DATABASE {me} TO {other}", "+GRANT ALL ON DATABASE {me} TO {me}",
		"GRANT CONNECT ON DATABASE {other} TO {me}", "+GRANT CONNECT ON DATABASE {admin} TO {me}",
		"+GRANT SELECT ON people TO PUBLIC", "+GRANT USAGE ON SCHEMA public TO PUBLIC", "+GRANT INSERT ON goose_db_version TO {me}",
		"ALTER DEFAULT PRIVILEGES FOR ROLE {provisioner} GRANT ALL ON TABLES TO PUBLIC",
		"GRANT {group} TO {other}", "GRANT {provisioner} TO {me}", "GRANT {other} TO {me}", "GRANT pg_read_all_data TO {me}",
		"SET ROLE {provisioner}", "SET ROLE {other}", "SET SESSION AUTHORIZATION {provisioner}", "SET ROLE pg_monitor",
		"SELECT * FROM pg_authid", "SELECT * FROM pg_shadow", "SELECT * FROM pg_statistic", "SELECT * FROM pg_user_mapping", "SELECT * FROM pg_subscription",
		"ALTER DATABASE {me} SET work_mem = '1GB'", "ALTER DATABASE {me} RENAME TO mine", "ALTER DATABASE {me} OWNER TO {me}",
		"ALTER DATABASE {me} CONNECTION LIMIT 1", "ALTER DATABASE {other} ALLOW_CONNECTIONS false", "DROP DATABASE {other}", "CREATE DATABASE mine",
		"CREATE ROLE mine", "DROP ROLE {other}", "ALTER ROLE {other} PASSWORD 'mine'", "ALTER ROLE {other} SET work_mem = '1GB'", "ALTER ROLE ALL SET work_mem = '1GB'",
		"ALTER ROLE {me} CREATEDB", "ALTER ROLE {me} CREATEROLE", "ALTER ROLE {me} SUPERUSER", "ALTER ROLE {me} BYPASSRLS", "ALTER ROLE {me} CONNECTION LIMIT -1",
		"ALTER SYSTEM SET work_mem = '1GB'", "SELECT pg_reload_conf()", "SELECT pg_terminate_backend({pid})", "SELECT pg_cancel_backend({pid})",
		"SELECT pg_read_file('postgresql.conf')", "SELECT pg_ls_dir('.')", "SELECT lo_import('/etc/passwd')",
		"COPY people TO '/dev/null'", "COPY people TO PROGRAM 'true'", "COPY people FROM PROGRAM 'true'", "LOAD 'dblink'",
	}
}

// wantPowerless runs the trials.
func (s *own) wantPowerless(t *testing.T, tenant, other *tenants.Tenant) {
	t.Helper()
	victim, err := opened(t, s.Engine, other).Read.Conn(t.Context()) // held, or the pool closes it when it is idle
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	var pid int
	if err := victim.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	login := s.loginOf(t, tenant)
	words := strings.NewReplacer("{me}", tenant.Database, "{other}", other.Database,
		"{provisioner}", s.server.User, "{group}", s.group, "{pid}", fmt.Sprint(pid), "{admin}", s.server.Database, "{extension}", s.extension(t))
	for _, statement := range trials() {
		allowed := strings.HasPrefix(statement, "+")
		statement = words.Replace(strings.TrimPrefix(statement, "+"))
		err := attempt(t, login, tenant.Database, statement)
		if allowed && err == nil {
			continue
		}
		if stateOf(err) != "42501" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if err := victim.PingContext(t.Context()); err != nil {
		t.Errorf("the other tenant's session: %v", err)
	}
}

// extension is available on the server but not created.
func (s *own) extension(t *testing.T) string {
	t.Helper()
	return ask(t, s.Engine, "SELECT coalesce(min(name), 'plperl') FROM pg_available_extensions WHERE installed_version IS NULL")
}

// wantUsable does to the application's tables what the application does.
func wantUsable(t *testing.T, db *gorm.DB) {
	t.Helper()
	folder := notes.Folder{Name: "mine"} // its id comes from a sequence
	var version int64
	err := errors.Join(
		db.Create(&folder).Error,
		db.Model(&folder).Update("name", "changed").Error,
		db.Take(&notes.Folder{}, "name = ?", "changed").Error,
		db.Transaction(func(tx *gorm.DB) error { return tx.Exec("LOCK TABLE folders IN ROW EXCLUSIVE MODE").Error }),
		db.Delete(&folder).Error,
		db.Raw("SELECT max(version_id) FROM goose_db_version").Scan(&version).Error,
	)
	if err != nil || folder.ID == 0 || version == 0 {
		t.Errorf("folder %d, version %d, %v", folder.ID, version, err)
	}
}

// TestNewDatabaseAdmitsNoConnection looks at what there is between two
// statements: a session that began there would outlive the closing.
func TestNewDatabaseAdmitsNoConnection(t *testing.T) {
	t.Parallel()
	e := ownTemplate(t)
	tenant := unmade(t, e)
	if err := e.copyTemplate(t.Context(), tenant.Database); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, e.server, tenant.Database, "SELECT 1"); stateOf(err) != "55000" {
		t.Errorf("connect to a copy: %v", err)
	}
	draft := e.template.name + "_draft"
	if err := e.layout.createDraft(t.Context(), draft); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, e, "SELECT has_database_privilege('pg_monitor', $1, 'CONNECT')::text", draft); got != "false" {
		t.Errorf("others may connect to the draft: %s", got)
	}
}

func TestCreateGivesTheRoleItsPasswordAgain(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		old := s.loginOf(t, tenant)
		for _, harm := range []string{"SET work_mem = '1GB'", "PASSWORD 'lost'"} { // which the role itself can do
			if err := attempt(t, old, tenant.Database, "ALTER ROLE CURRENT_USER "+harm); err != nil {
				t.Error(err)
			}
		}
		err := errors.Join(
			s.exec(t.Context(), "ALTER ROLE %s NOLOGIN CREATEDB CREATEROLE CONNECTION LIMIT 0", tenant.Database),
			s.exec(t.Context(), "REVOKE %s FROM %s", s.group, tenant.Database),
			s.exec(t.Context(), "REVOKE CONNECT ON DATABASE %[1]s FROM %[1]s", tenant.Database),
		)
		if err != nil {
			t.Fatal(err)
		}
		if tenant.Credentials, err = s.NewCredentials(tenant.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		wantUsable(t, handle(t, s.Engine, tenant))
		if err := attempt(t, old, tenant.Database, "SELECT 1"); stateOf(err) != "28P01" {
			t.Errorf("with the old password: %v", err)
		}
		got := ask(t, s.Engine, "SELECT concat_ws(' ', rolcanlogin, rolcreatedb, rolcreaterole, rolconnlimit, rolconfig) FROM pg_roles WHERE rolname = $1", tenant.Database)
		if want := fmt.Sprint("t f f ", s.config.TenantConns*loginsPerConn); got != want {
			t.Errorf("the role is %q, want %q", got, want)
		}
	})
}

func TestCreateRefusesAMightyRole(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := unmade(t, e)
	if err := e.exec(t.Context(), "CREATE ROLE %s SUPERUSER", tenant.Database); err != nil {
		t.Fatal(err)
	}
	if err := e.Create(t.Context(), tenant); err == nil {
		t.Error("no error")
	}
}

// TestDropRemovesTheRole drops under a session of the tenant's.
func TestDropRemovesTheRole(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		opened(t, s.Engine, tenant)
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				if err := s.Drop(context.Background(), tenant); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if got := ask(t, s.Engine, "SELECT count(*)::text FROM pg_roles WHERE rolname = $1", tenant.Database); got != "0" {
			t.Error("the role is still there")
		}
	})
}
