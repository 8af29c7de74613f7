package exports_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkExport compares the export of a tenant of 1,000,000 rows with pg_dump -Fc of the same database, in turns. Each
// figure is of the fastest turn, which the machine's other work has disturbed least.
func BenchmarkExport(b *testing.B) {
	dump := findDump(b)
	env := tenantstest.New(b, tenantstest.Options{Engine: tenantstest.Postgres})
	tenant := env.Tenant(b, "acme")
	u, err := url.Parse(env.MasterURL)
	must(b, err)
	u.Path = "/" + tenant.Database
	fillNotes(b, u.String(), 1_000_000)
	var exported, dumped []time.Duration
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "x")
		begun := time.Now()
		out, err := exec.CommandContext(b.Context(), dump, "-Fc", "-f", path, u.String()).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		dumped = append(dumped, time.Since(begun))
		begun = time.Now()
		export(b, env, tenant, path+".db")
		exported = append(exported, time.Since(begun))
	}
	b.ReportMetric(slices.Min(exported).Seconds(), "s/export")
	b.ReportMetric(slices.Min(dumped).Seconds(), "s/dump")
	b.ReportMetric(float64(slices.Min(exported))/float64(slices.Min(dumped)), "export/dump")
}

func findDump(b *testing.B) string {
	b.Helper()
	if path, err := exec.LookPath("pg_dump"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) == 0 {
		b.Skip("there is no pg_dump")
	}
	return found[len(found)-1]
}

func fillNotes(b *testing.B, database string, rows int) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), database)
	must(b, err)
	defer func() { must(b, conn.Close(b.Context())) }()
	for _, statement := range []string{
		"INSERT INTO people (email, name) SELECT i || '@example.com', 'Person ' || i FROM generate_series(1, 1000) i",
		"INSERT INTO folders (name, remark, created_at, updated_at) SELECT 'Folder ' || i, md5(i::text), now(), now() FROM generate_series(1, 1000) i",
		fmt.Sprintf(`INSERT INTO notes (folder_id, author_id, text, kind, due_on, created_at) SELECT i %% 1000 + 1, i %% 900 + 1,
			'Note ' || md5(i::text) || ' about ' || md5((i / 7)::text), CASE i %% 2 WHEN 0 THEN 'idea' ELSE 'task' END, date '2026-01-01' + i %% 365,
			timestamptz '2026-01-01' + i * interval '1.000123 seconds' FROM generate_series(1, %d) i`, rows),
		"VACUUM ANALYZE",
	} {
		_, err := conn.Exec(b.Context(), statement)
		must(b, err)
	}
}

func export(b *testing.B, env *tenantstest.Env, tenant *tenants.Tenant, path string) {
	b.Helper()
	from, err := env.Engine.Rows(b.Context(), tenant)
	must(b, err)
	_, err = portable.Write(b.Context(), sqlite.Files{Schema: notes.Schema()}, path, from, portable.About{}, portable.Options{Schema: notes.Schema()})
	must(b, err)
	must(b, from.Close())
	must(b, os.Remove(path))
}
