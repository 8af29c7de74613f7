package command

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestTenantQuery asks several tenants beside a server.
func TestTenantQuery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		for _, name := range []string{"acme", "globex", "initech"} {
			s.create(t, name)
		}
		s.must(t, "tenant", "suspend", "initech")
		s.serve(t)
		const count = "SELECT count(*) AS n, 'a b' AS text FROM users"
		lines := strings.Split(strings.TrimSpace(s.must(t, "tenant", "query", count, "--no-header")), "\n")
		slices.Sort(lines)
		if want := []string{"acme\t1\ta b", "globex\t1\ta b", "initech\t1\ta b"}; !slices.Equal(lines, want) {
			t.Errorf("%q", lines)
		}
		r := s.run(t, "tenant", "query", count, "--state=suspended", "--json")
		if want := `{"tenant":"initech","row":{"n":1,"text":"a b"}}` + "\n" + `{"answered":1,"failed":0,"skipped":0,"not_reached":0}` + "\n"; r.status != exitDone || r.stdout != want {
			t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
		}
		for args, want := range map[string]string{"--tenant=acme,globex --except=acme": "globex\t1\n", "--except=initech,globex": "acme\t1\n"} {
			got := s.must(t, append([]string{"tenant", "query", "SELECT count(*) FROM users", "--no-header"}, strings.Fields(args)...)...)
			if got != want {
				t.Errorf("%s: %q", args, got)
			}
		}
		if r := s.run(t, "tenant", "query", count, "--except=nobody"); r.status != exitFailed || !strings.Contains(r.stderr, `"nobody"`) {
			t.Errorf("except nobody: %d %s", r.status, r.stderr)
		}
		path := filepath.Join(t.TempDir(), "rows.csv")
		s.must(t, "tenant", "query", count, "--into", path)
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := csv.NewReader(strings.NewReader(string(written))).ReadAll(); err != nil || len(rows) != 4 || strings.Join(rows[0], " ") != "TENANT n text" {
			t.Errorf("%q, %v", rows, err)
		}
		list := filepath.Join(t.TempDir(), "rows.jsonl")
		s.must(t, "tenant", "query", count, "--into", list, "--state=suspended")
		if written, err := os.ReadFile(list); err != nil || string(written) != `{"tenant":"initech","row":{"n":1,"text":"a b"}}`+"\n" {
			t.Errorf("%s, %v", written, err)
		}
		database := filepath.Join(t.TempDir(), "ro ws#.db")
		s.must(t, "tenant", "query", "SELECT name, 1.5 AS x, NULL AS absent, id > 0 AS is_true, created_at AS "+`"a ""b"`+" FROM users", "--into", database)
		db := tenantstest.OpenSQLite(t, database)
		var text string
		number := map[bool]string{true: "text", false: "real"}[s.onServer()] // 1.5 is a numeric there
		query := `SELECT group_concat(tenant || ' ' || name || ' ' || typeof(x) || ' ' || typeof(absent) || ' ' || is_true || ' ' || substr("a ""b", 1, 2), ';')
			FROM (SELECT * FROM rows ORDER BY tenant)`
		if err := db.QueryRow(query).Scan(&text); err != nil || text != strings.ReplaceAll("acme admin X null 1 20;globex admin X null 1 20;initech admin X null 1 20", "X", number) {
			t.Errorf("%q, %v", text, err)
		}
		for _, file := range []string{path, list, database} {
			if r := s.run(t, "tenant", "query", count, "--into", file); r.status != exitFailed {
				t.Errorf("it overwrites %s: %d", file, r.status)
			}
		}
		if r := s.run(t, "tenant", "query", "SELECT 1 AS n, 2 AS N", "--into", filepath.Join(t.TempDir(), "twice.db")); r.status != exitFailed || !strings.Contains(r.stderr, "give names with AS") {
			t.Errorf("a column that is twice: %d %s", r.status, r.stderr)
		}
		if r := s.run(t, "tenant", "query", "SELECT 1 AS id, 2 AS id", "--json"); r.status != exitFailed || strings.Contains(r.stdout, "row") || !strings.Contains(r.stderr, "give names with AS") {
			t.Errorf("a column that is twice, as JSON: %d %s%s", r.status, r.stdout, r.stderr)
		}
		if r := s.run(t, "tenant", "query", count, "--into", "rows.txt"); r.status != exitUsage {
			t.Errorf("rows.txt: %d %s", r.status, r.stderr)
		}
		r = s.run(t, "tenant", "query", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n", "--rows=99")
		if r.status != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, "0 answered, 3 failed") || !strings.Contains(r.stderr, "more than 99 rows") {
			t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
		}
		const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
		r = s.run(t, "tenant", "query", endless, "--deadline=300ms", "--parallel=1", "--json")
		reach := only[tenants.Reach](t, r.stdout) // a slow machine may not reach the first one either
		if r.status != exitFailed || reach.NotReached < 2 || reach.Failed+reach.NotReached != 3 || reach.Failed == 1 && !strings.Contains(r.stderr, "deadline of 300ms") {
			t.Errorf("after the deadline: %d %+v %s", r.status, reach, r.stderr)
		}
		folder := t.TempDir()
		for _, name := range []string{"none.csv", "none.jsonl", "none.db"} {
			s.run(t, "tenant", "query", "SELECT nothing", "--into", filepath.Join(folder, name))
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
			t.Errorf("a query that fails leaves %v, %v", left, err)
		}
		s.must(t, "tenant", "query", count, "--into", filepath.Join(folder, "none.csv"), "--state=archived")
	})
}

// TestTenantQueryCannotWrite: no statement writes, ends the transaction, runs for long or leaves the tenant.
func TestTenantQueryCannotWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		for _, sql := range []string{
			"DELETE FROM users", "UPDATE users SET name = 'x'", "SELECT 1; DELETE FROM users", "COMMIT", "PRAGMA query_only = off", "ATTACH '/tmp/x.db' AS x",
			"DO $$ BEGIN DELETE FROM users; END $$", "SET TRANSACTION READ WRITE", "COPY users TO '/tmp/x'", "/* SELECT */ DELETE FROM users", "",
		} {
			if r := s.run(t, "tenant", "query", sql); r.status != exitUsage {
				t.Errorf("%s: %d %s%s", sql, r.status, r.stdout, r.stderr)
			}
		}
		refused := []string{"WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone", "WITH x AS (SELECT 1) DELETE FROM users", "EXPLAIN ANALYZE DELETE FROM users",
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"}
		if s.databaseURL() != "" {
			refused = append(refused, "SELECT set_config('transaction_read_only', 'off', true)", "SELECT pg_read_file('/etc/passwd')", "SELECT pg_sleep(60)", "SELECT pg_ls_dir('.')")
		} else {
			refused = append(refused, "SELECT load_extension('x')", "SELECT * FROM users UNION SELECT writefile('/tmp/x', 'x')")
		}
		for _, sql := range refused {
			if r := s.run(t, "tenant", "query", sql, "--timeout=1s"); r.status != exitFailed || !strings.Contains(r.stderr, "0 answered, 1 failed") {
				t.Errorf("%s: %d %s%s", sql, r.status, r.stdout, r.stderr)
			}
		}
		if s.databaseURL() != "" { // Postgres lets it run before version 16, and it is rolled back
			s.run(t, "tenant", "query", "SELECT lo_create(4711)")
			if got := s.must(t, "tenant", "query", "SELECT count(*) FROM pg_largeobject_metadata", "--no-header"); got != "acme\t0\n" {
				t.Errorf("large objects: %s", got)
			}
		}
		if got := s.must(t, "tenant", "query", "SELECT count(*) FROM users WHERE name <> 'x'", "--no-header"); got != "acme\t1\n" {
			t.Errorf("afterwards: %s", got)
		}
	})
}
