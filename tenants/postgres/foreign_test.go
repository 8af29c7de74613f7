package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// secret is what a neighbour's rows contain.
const secret = "Project Mercury"

// strays are statements with which a scope could try to leave its tenant's schema. {role} and {schema} are the neighbour's, and
// {own} is the tenant's role.
func strays() []string {
	list := []string{
		// By name.
		"SELECT name FROM {schema}.folders",
		"INSERT INTO {schema}.folders (name, remark, created_at, updated_at) VALUES ('intruder', '', now(), now())",
		"UPDATE {schema}.folders SET name = 'intruder'",
		"DELETE FROM {schema}.folders",
		"MERGE INTO {schema}.folders AS f USING folders AS o ON f.id = o.id WHEN NOT MATCHED THEN DO NOTHING WHEN MATCHED THEN UPDATE SET name = 'intruder'",
		"WITH gone AS (DELETE FROM {schema}.folders RETURNING name) SELECT name FROM gone",
		"TRUNCATE {schema}.folders CASCADE",
		"TABLE {schema}.folders",
		"LOCK TABLE {schema}.folders",
		"EXPLAIN ANALYZE DELETE FROM {schema}.folders",
		"SELECT nextval('{schema}.folders_id_seq')",
		"SELECT setval('{schema}.folders_id_seq', 4711)",
		"SELECT last_value FROM {schema}.folders_id_seq",
		"SELECT nextval(oid::regclass) FROM pg_class WHERE relkind = 'S' AND relnamespace = '{schema}'::regnamespace",
		"SELECT query_to_xml('SELECT name FROM {schema}.folders', true, true, '')::text",
		"SELECT table_to_xml(oid::regclass, true, true, '')::text FROM pg_class WHERE relname = 'folders' AND relnamespace = '{schema}'::regnamespace",
		"SELECT schema_to_xml('{schema}', true, true, '')::text",
		"SELECT database_to_xml(true, true, '')::text",
		"SELECT string_agg(word, ' ') FROM ts_stat('SELECT to_tsvector(name) FROM {schema}.folders')",
		"SELECT string_agg(most_common_vals::text, ' ') FROM pg_stats WHERE schemaname = '{schema}'",
		"SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
		"SELECT string_agg(statement, ' ') FROM pg_prepared_statements",
		"COPY {schema}.folders TO STDOUT",
		"COPY (SELECT name FROM {schema}.folders) TO PROGRAM 'cat >/tmp/stolen'",
		"COPY {schema}.folders FROM PROGRAM 'echo intruder'",
		"CREATE VIEW mine AS SELECT * FROM {schema}.folders",
		"GRANT SELECT ON {schema}.folders TO {own}",
		"ALTER TABLE {schema}.folders RENAME TO stolen",
		"DROP TABLE {schema}.folders CASCADE",
		"DROP SCHEMA {schema} CASCADE",
		"ALTER SCHEMA {schema} RENAME TO stolen",
		"ANALYZE {schema}.folders",
		// By becoming another.
		"UPDATE pg_settings SET setting = '{role}' WHERE name = 'role'",
		"SELECT setting FROM pg_settings WHERE name = 'role' FOR UPDATE",
		"DO $$ BEGIN EXECUTE 'SET LOCAL ROLE {role}'; RAISE EXCEPTION '%', (SELECT string_agg(name, ' ') FROM {schema}.folders); END $$",
		"DO LANGUAGE plpgsql $$ BEGIN SET ROLE {role}; UPDATE {schema}.folders SET name = 'intruder'; END $$",
		"CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET role = '{role}' AS 'SELECT string_agg(name, '' '') FROM {schema}.folders'",
		"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT 1'",
		"CREATE TEMPORARY TABLE folders (name text)",
		"ALTER ROLE {own} SET search_path = {schema}",
		"ALTER ROLE {own} SUPERUSER",
		"ALTER ROLE {own} LOGIN PASSWORD 'x'",
		"GRANT {role} TO {own}",
		"GRANT {own} TO {role}",
		"PREPARE stolen AS SELECT name FROM {schema}.folders",
		"EXECUTE stolen",
		"DECLARE stolen CURSOR WITH HOLD FOR SELECT name FROM folders",
		"FETCH ALL FROM stolen",
		"CALL f()",
		// By what would last.
		"LISTEN everything",
		"NOTIFY everything, 'x'",
		"SELECT pg_notify('everything', 'x')",
		"SELECT pg_advisory_lock(1)",
		"SELECT pg_try_advisory_xact_lock(8387230037432136313)",
		"SELECT lo_create(0)",
		"SELECT lo_from_bytea(0, 'x')",
		"DISCARD ALL",
		"DEALLOCATE ALL",
		"SET search_path = {schema}",
		"SET LOCAL search_path = {schema}, public",
		"SET LOCAL session_replication_role = replica",
		"RESET ALL",
		"RESET search_path",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
		"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
		"SELECT pg_reload_conf()",
		// By ending the transaction.
		"ROLLBACK AND CHAIN",
		"COMMIT AND CHAIN",
		"END",
		"ABORT",
		"BEGIN",
		"START TRANSACTION",
		"SELECT 1; SET ROLE {role}",
	}
	for _, set := range []string{"SET ROLE {role}", "SET LOCAL ROLE {role}", "SET SESSION ROLE {role}", "SET role TO '{role}'", "RESET ROLE", "SET ROLE NONE",
		"SET SESSION AUTHORIZATION {role}", "SET SESSION AUTHORIZATION DEFAULT", "RESET SESSION AUTHORIZATION", "SET LOCAL role = DEFAULT"} {
		list = append(list, set, "/* a comment */ "+set, "-- a line\n"+strings.ToLower(set), "\t\n"+set+" ;", "/* one /* in */ another */"+set,
			fmt.Sprintf("SELECT query_to_xml('%s', true, true, '')::text", strings.ReplaceAll(set, "'", "''")))
	}
	for _, call := range []string{"set_config('role', '{role}', true)", "pg_catalog.set_config('role', '{role}', false)", `"set_config"('search_path', '{schema}', true)`, `U&"set\005fconfig"('role', '{role}', true)`,
		"set_config(setting_name => 'role', new_value => '{role}', is_local => true)"} {
		list = append(list, "SELECT "+call, "SELECT "+call+", query_to_xml('SELECT name FROM {schema}.folders', true, true, '')::text",
			"WITH turned AS MATERIALIZED (SELECT "+call+") SELECT query_to_xml('SELECT name FROM {schema}.folders', true, true, '')::text FROM turned",
			"EXPLAIN ANALYZE SELECT "+call, "SELECT * FROM "+call, "INSERT INTO folders (name, remark, created_at, updated_at) SELECT "+call+", '', now(), now()")
	}
	return list
}

// neighbours are two tenants of a shared database.
type neighbours struct {
	*tenantstest.Env
	acme, globex *tenants.Tenant
	roles        map[*tenants.Tenant]string
}

func newNeighbours(t *testing.T) neighbours {
	t.Helper()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Schemas})
	n := neighbours{env, env.Tenant(t, "acme"), env.Tenant(t, "globex"), map[*tenants.Tenant]string{}}
	for tenant, name := range map[*tenants.Tenant]string{n.acme: "acme's own", n.globex: secret} {
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			var role string
			err := errors.Join(tx.Create(&notes.Folder{Name: name}).Error, tx.Raw("SELECT current_user::text").Scan(&role).Error)
			n.roles[tenant] = role
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// expect expects that the neighbours have their own folders and nothing else, and that their sequences are where they were.
func (n neighbours) expect(t *testing.T, after string) {
	t.Helper()
	for tenant, want := range map[*tenants.Tenant]string{n.acme: "acme's own", n.globex: secret} {
		var got struct{ Names, Role, Path string }
		var last int64
		err := n.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
			if err := tx.Raw("SELECT pg_sequence_last_value('folders_id_seq')").Scan(&last).Error; err != nil {
				return err
			}
			return tx.Raw("SELECT string_agg(name, ',') AS names, current_user AS role, current_setting('search_path') AS path FROM folders").Scan(&got).Error
		})
		if tenant == n.globex && last != 1 {
			t.Errorf("after %s: the neighbour's sequence is at %d", after, last)
		}
		if err != nil || got.Names != want || got.Role != n.roles[tenant] || got.Path != tenant.Database {
			t.Errorf("after %s: %s has %+v, %v", after, tenant.Subdomain, got, err)
		}
	}
}

// TestStatementsStayInTheirSchema tries to see or change a neighbour's rows, and to leave something for the next scope of the
// connection, in each way in which a statement can run.
func TestStatementsStayInTheirSchema(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	words := strings.NewReplacer("{schema}", n.globex.Database, "{role}", n.roles[n.globex], "{own}", n.roles[n.acme])
	scopes := map[string]func(context.Context, *tenants.Tenant, tenants.Func) error{"Update": n.Store.Update, "View": n.Store.View}
	for _, stray := range strays() {
		statement := words.Replace(stray)
		for kind, scope := range scopes {
			var seen []map[string]any
			for how, run := range map[string]func(tx *gorm.DB) error{
				"Exec": func(tx *gorm.DB) error { return tx.Exec(statement).Error },
				"Raw":  func(tx *gorm.DB) error { return tx.Raw(statement).Scan(&seen).Error },
			} {
				err := scope(t.Context(), n.acme, func(tx *gorm.DB) error {
					failed := run(tx)
					for _, probe := range []string{"SELECT name FROM " + n.globex.Database + ".folders", "SELECT name FROM folders", "SELECT current_user::text AS role"} {
						_ = tx.Transaction(func(tx *gorm.DB) error { // a savepoint: the next probe runs, too
							var more []map[string]any
							err := tx.Raw(probe).Scan(&more).Error
							if seen = append(seen, more...); len(more) > 0 && more[0]["role"] != nil && more[0]["role"] != n.roles[n.acme] {
								t.Errorf("after %s the scope runs as %v", statement, more[0]["role"])
							}
							return err
						})
					}
					return failed
				})
				if text := fmt.Sprint(seen, err); strings.Contains(text, secret) {
					t.Fatalf("%s by %s in %s shows %s", statement, how, kind, text)
				}
			}
		}
		n.expect(t, statement)
		if t.Failed() {
			break
		}
	}
}

// TestHarmlessStatementsRun expects that nothing is refused that a scope on a database of its own may do, apart from what the
// manual names.
func TestHarmlessStatementsRun(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	for _, statement := range []string{
		"SELECT 1", "  select name from folders", "(SELECT 1) UNION (SELECT 2)", "VALUES (1)", "TABLE folders", "/* a */ SELECT 1", "-- a\nSELECT 1",
		"WITH f AS (SELECT name FROM folders) SELECT * FROM f", "INSERT INTO people (email, name) VALUES ('a@b.c', 'A') RETURNING id",
		"UPDATE people SET name = 'B'", "WITH gone AS (DELETE FROM people RETURNING id) SELECT count(*) FROM gone",
		"MERGE INTO people USING folders ON people.id = folders.id WHEN MATCHED THEN DO NOTHING", "LOCK TABLE folders IN ROW EXCLUSIVE MODE",
		"SET CONSTRAINTS ALL DEFERRED", "set constraints all immediate", "EXPLAIN SELECT * FROM folders", "EXPLAIN (ANALYZE) SELECT 1", "SHOW search_path",
		"SELECT pg_sleep(0)", "SELECT count(*) FROM pg_class", "SELECT name FROM folders FOR UPDATE", "SELECT now(), current_user, current_schema()",
	} {
		err := n.Store.Update(t.Context(), n.acme, func(tx *gorm.DB) error {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
			var rows []map[string]any
			if strings.HasPrefix(statement, "INSERT") {
				return nil
			}
			return tx.Raw(statement).Scan(&rows).Error
		})
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	n.expect(t, "all of it")
}
