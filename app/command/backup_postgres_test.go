package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/tenants/backup"
	"tenantry/tenants/document"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// withExports returns a site on Postgres whose commands and servers back up to a folder.
func withExports(t *testing.T) (s site, store string) {
	t.Helper()
	s, store = newPostgres(t), filepath.Join(t.TempDir(), "store")
	s.environ = append(s.environ, "TENANTRY_BACKUP_URL=file://"+store, "TENANTRY_BACKUP_EXPORT_INTERVAL=1s")
	return s, store
}

// TestServerExports is TestServerBacksUp on Postgres: what a server has answered is in the bucket soon after; the tenant can be
// restored as it was before and after, as another tenant, and neither the tenant nor its neighbour notice.
func TestServerExports(t *testing.T) {
	t.Parallel()
	s, _ := withExports(t)
	s.create(t, "acme")
	s.create(t, "globex")
	srv := s.serve(t)
	wait.Until(t, "the first backup", func() bool { return len(s.points(t, "acme")) > 0 && len(s.points(t, "globex")) > 0 })
	before := time.Now()
	if r := srv.post(t, "acme", "/api/projects", `{"name":"Later"}`); r.status != 201 {
		t.Fatalf("status %d", r.status)
	}
	wait.Until(t, "the backup of everything", func() bool {
		got := only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout)
		return got.Tenants == 2 && got.Stored == 2 && s.points(t, "acme")[0].At.After(before)
	})
	restored := only[restoredDocument](t, s.must(t, "tenant", "restore", "acme", "--at", before.Format(time.RFC3339Nano), "--as", "acme-before", "--json"))
	if want := before.Sub(restored.RestoredAt).Seconds(); restored.Earlier < want-0.01 || restored.Earlier > want+0.01 || want <= 0 {
		t.Errorf("restored as of %v, %f seconds before; want %f", restored.RestoredAt, restored.Earlier, want)
	}
	s.must(t, "tenant", "restore", "acme", "--as", "acme-now")
	expectRestored(t, srv)
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
	s.must(t, "backup", "run")
	if got := s.run(t, "backup", "verify", "--no-header"); strings.Count(got.stdout, "\twhole\n") != 4 {
		t.Errorf("it says %s", got.stdout)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "restore-*")); len(left) > 0 || err != nil {
		t.Errorf("left %q, %v", left, err)
	}
}

// TestIdleTenantIsNotExported: without writes nothing is stored, however often the interval passes; and what a command
// wrote, without the server knowing, is.
func TestIdleTenantIsNotExported(t *testing.T) {
	t.Parallel()
	s, _ := withExports(t)
	s.create(t, "acme")
	s.create(t, "globex")
	s.must(t, "backup", "run")
	srv := s.serve(t)
	wait.Until(t, "everything to be stored", func() bool {
		return only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout).Stored == 2
	})
	points := len(s.points(t, "globex"))
	s.must(t, "tenant", "admin", "acme", "--admin-email=second@acme.example")
	wait.Until(t, "the write of a command", func() bool {
		return only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout).Stored == 2 && len(s.points(t, "acme")) > 1
	})
	if got := len(s.points(t, "globex")); got != points {
		t.Errorf("%d backups of an idle tenant, and there were %d", got, points)
	}
	srv.stop(t)
}

// TestBadExports is TestBadBackups on Postgres: a damaged, foreign or cut file is refused, and leaves nothing.
func TestBadExports(t *testing.T) {
	t.Parallel()
	s, store := withExports(t)
	s.create(t, "acme")
	s.create(t, "globex")
	for args, want := range map[string]int{
		"backup verify": exitFailed, "tenant restore acme --as copy": exitFailed, "backup run unknown": exitFailed,
	} {
		if r := s.run(t, strings.Fields(args)...); r.status != want || r.stderr == "" {
			t.Errorf("%s: %d %s", args, r.status, r.stderr)
		}
	}
	wait.Until(t, "it to be late", func() bool { return s.run(t, "backup", "status").status == exitFailed })
	s.must(t, "backup", "run")
	acme := s.exported(t, store, "acme")
	whole, err := os.ReadFile(acme)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(s.exported(t, store, "globex"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, whole...)
	flipped[len(flipped)/2] ^= 1
	for name, content := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)/2], "at end": whole[:len(whole)-1], "flipped": flipped, "another's": foreign, "plain": []byte("SQLite format 3\x00"),
	} {
		if err := os.WriteFile(acme, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range []string{"backup verify acme", "tenant restore acme --as copy"} {
			if r := s.run(t, strings.Fields(args)...); r.status != exitFailed || !strings.Contains(r.stderr+r.stdout, "damaged") {
				t.Errorf("%s, %s: %d %s%s", name, args, r.status, r.stdout, r.stderr)
			}
		}
	}
	if got := s.must(t, "tenant", "list", "--no-header"); strings.Count(got, "\n") != 2 {
		t.Errorf("there are %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "restore-*")); len(left) > 0 || err != nil {
		t.Errorf("left %q, %v", left, err)
	}
}

// exported returns the only file with a backup of a tenant.
func (s site) exported(t *testing.T, store, subdomain string) string {
	t.Helper()
	for _, tenant := range only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")).Items {
		files, err := filepath.Glob(filepath.Join(store, "tenants", tenant.ID, "portable", "*"))
		if tenant.Subdomain == subdomain && len(files) == 1 && err == nil {
			return files[0]
		}
	}
	t.Fatalf("%s has not one backup", subdomain)
	return ""
}

// TestKilledExports kills a backup at each point: no half of a file is listed or restored, and the next backup is whole.
func TestKilledExports(t *testing.T) {
	t.Parallel()
	s, _ := withExports(t)
	s = s.with("TENANTRY_INSTANCE_TTL=2s") // so that the connections of the killed process are soon free
	s.create(t, "acme")
	for i, point := range []string{"backup: writing", "backup: written", "backup: sending", "backup: stored", "backup: tidied"} {
		before := len(s.points(t, "acme"))
		s.must(t, "tenant", "admin", "acme", fmt.Sprintf("--admin-email=admin%d@acme.example", i))
		if r := s.process(t, []string{envKillAt + "=" + point}, "backup", "run", "acme"); !r.killed {
			t.Errorf("%s: it was not killed: %d %s", point, r.status, r.stderr)
		}
		stored := point == "backup: stored" || point == "backup: tidied"
		if got := len(s.points(t, "acme")) - before; got != 0 && !stored || got != 1 && stored {
			t.Errorf("%s: %d new backups", point, got)
		}
		if before > 0 || stored {
			s.must(t, "backup", "verify", "acme")
		}
		if got := only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout); got.Stored != 0 {
			t.Errorf("%s: it is taken for stored", point)
		}
		s.must(t, "backup", "run")
		s.must(t, "backup", "verify", "acme")
	}
	left, err := filepath.Glob(filepath.Join(s.dir, "restore-*"))
	if err != nil || len(left) == 0 {
		t.Fatalf("a killed backup leaves no folder: %q, %v", left, err)
	}
	for _, dir := range left {
		if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	srv := s.serve(t)
	wait.Until(t, "the folders to be removed", func() bool {
		left, err := filepath.Glob(filepath.Join(s.dir, "restore-*"))
		return err == nil && !slices.ContainsFunc(left, func(dir string) bool {
			info, err := os.Stat(dir)
			return err == nil && time.Since(info.ModTime()) > 30*time.Minute
		})
	})
	srv.stop(t)
}

// masterPoints are the backups of the master.
func (s site) masterPoints(t *testing.T) []backup.Point {
	t.Helper()
	return only[document.List[backup.Point]](t, s.must(t, "backup", "list", "--master", "--json")).Items
}

// TestRecoveryOnPostgres is the drill: a server without tenants, an empty database, the bucket and the secret key bring master and
// tenants back. A tenant whose backup is damaged is named, and comes back once the backup is mended; what there is stays.
// An erased tenant's data doesn't come back: its key is in no backup, that of the master included.
func TestRecoveryOnPostgres(t *testing.T) {
	t.Parallel()
	s, store := withExports(t)
	s = s.with("TENANTRY_BACKUP_EXPORT_INTERVAL=1h") // each has the one backup that the command makes
	srv := s.serve(t)
	for _, subdomain := range []string{"acme", "globex", "erased"} {
		s.create(t, subdomain)
		if r := srv.post(t, subdomain, "/api/projects", `{"name":"Kept by `+subdomain+`"}`); r.status != 201 {
			t.Fatalf("status %d", r.status)
		}
	}
	s.must(t, "tenant", "limit", "acme", "--requests=77")
	s.must(t, "tenant", "suspend", "globex")
	srv.stop(t)
	s.must(t, "backup", "run")
	made := len(s.masterPoints(t)) // the server's own, of which it may have made an early one, too
	beforeErasure := time.Now()
	s.must(t, "tenant", "erase", "erased", "--reason=asked", "--yes")
	s.must(t, "backup", "run") // the master
	before := s.must(t, "tenant", "list", "--json")
	file := s.exported(t, store, "acme")
	if points := s.masterPoints(t); made == 0 || len(points) != made+1 {
		t.Fatalf("backups of the master: %+v, and there were %d before", points, made)
	}
	s.dropTenants(t)

	empty := s.onEmptyDatabase(t)
	if r := empty.with("TENANTRY_SECRET_KEY="+seal.GenerateKey()).run(t, "backup", "recover"); r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_SECRET_KEY") {
		t.Errorf("with another key: %d %s", r.status, r.stderr)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if r := empty.run(t, "backup", "recover", "--no-header"); r.status != exitFailed || strings.Count(r.stdout, "as it was at") != 1 || !strings.Contains(r.stdout, "acme\tbackup is damaged") {
		t.Errorf("with a damaged backup: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := empty.must(t, "backup", "recover", "--no-header"); strings.Count(got, "was there") != 1 || strings.Count(got, "as it was at") != 1 {
		t.Errorf("again: %s", got)
	}
	if got := empty.must(t, "tenant", "list", "--json"); got != before {
		t.Errorf("there were %s\nand are %s", before, got)
	}
	empty.must(t, "tenant", "resume", "globex") // waits for no process of the lost installation
	back := empty.serve(t)
	for _, subdomain := range []string{"acme", "globex"} {
		if r := back.get(t, subdomain, "/api/projects"); r.status != 200 || !strings.Contains(r.body, "Kept by "+subdomain) {
			t.Errorf("%s: %d %s", subdomain, r.status, r.body)
		}
	}
	if got := empty.must(t, "tenant", "limit", "acme"); !strings.Contains(got, "77") {
		t.Errorf("limits: %s", got)
	}
	if r := empty.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: %s %s", r.stdout, r.stderr)
	}
	back.stop(t)
	empty.expectErased(t, s, beforeErasure)
}

// expectErased recovers the lost installation as it was before the tenant erased was: its data doesn't come back.
func (s site) expectErased(t *testing.T, lost site, at time.Time) {
	t.Helper()
	s.dropTenants(t)
	before := lost.onEmptyDatabase(t)
	r := before.run(t, "backup", "recover", "--no-header", "--at="+at.Format(time.RFC3339Nano))
	if r.status != exitFailed || !strings.Contains(r.stdout, "the tenant was erased") {
		t.Errorf("it says %d %s %s", r.status, r.stdout, r.stderr)
	}
}

// onEmptyDatabase is another machine, with the site's key and bucket, and a database of its own on the server.
func (s site) onEmptyDatabase(t *testing.T) site {
	t.Helper()
	empty := onPostgres(t, pgcluster.Database(t))
	empty.environ = empty.environ[:len(empty.environ)-1] // all but the secret key
	for _, entry := range s.environ {
		if strings.HasPrefix(entry, "TENANTRY_BACKUP") || strings.HasPrefix(entry, "TENANTRY_SECRET_KEY=") {
			empty.environ = append(empty.environ, entry)
		}
	}
	t.Cleanup(func() { empty.dropTenants(t) })
	return empty
}
