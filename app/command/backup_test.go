package command

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/tenants/backup"
	"tenantry/tenants/document"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/wait"
)

// backUpSoon has servers back up each second, and the doctor find a backup late after two: tests that wait for either set it.
const backUpSoon = "TENANTRY_BACKUP_INTERVAL=1s"

// withBackups returns a site whose commands and servers back up to a folder, and whose backups are not late before the test is
// over.
func withBackups(t *testing.T) (s site, store string) {
	t.Helper()
	s, store = newSQLite(t), filepath.Join(t.TempDir(), "store")
	s.environ = append(s.environ, "TENANTRY_BACKUP_URL=file://"+store, "TENANTRY_BACKUP_INTERVAL=2m")
	return s, store
}

// points are the times of the backups of a tenant, the newest first.
func (s site) points(t *testing.T, subdomain string) []backup.Point {
	t.Helper()
	return only[document.List[backup.Point]](t, s.must(t, "backup", "list", subdomain, "--json")).Items
}

// TestBackupKeysFollowTheSecretKey goes from one secret key to the next. The doctor says until when backups need the old
// one, and they can be read without it afterwards.
func TestBackupKeysFollowTheSecretKey(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	older, newer := seal.GenerateKey(), seal.GenerateKey()
	before, between, after := s.with("TENANTRY_SECRET_KEY="+older), s.with("TENANTRY_SECRET_KEY="+newer+","+older), s.with("TENANTRY_SECRET_KEY="+newer)
	before.create(t, "acme")
	before.must(t, "backup", "run")
	if r := before.run(t, "doctor"); strings.Contains(r.stdout, app.BackupKeysOld) {
		t.Errorf("with the key alone: %s", r.stdout)
	}
	if r := after.run(t, "backup", "verify"); r.status != exitFailed {
		t.Errorf("without the old key: %d %s", r.status, r.stdout)
	}
	if r := between.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, app.BackupKeysOld) || !strings.Contains(r.stdout, "--repair") {
		t.Errorf("with both keys: %d %s", r.status, r.stdout)
	}
	between.must(t, "backup", "verify") // or the failure above is a finding
	between.must(t, "doctor", "--repair")
	between.must(t, "doctor")
	if got := after.must(t, "backup", "verify", "--no-header"); !strings.HasSuffix(got, "\twhole\n") {
		t.Errorf("with the new key alone: %s", got)
	}
}

// TestServerBacksUp: what a server has answered is in the bucket soon after; the tenant can be restored as it was before
// and after, as another tenant, and neither the tenant nor its neighbour notice.
func TestServerBacksUp(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	s.create(t, "acme")
	s.create(t, "globex")
	srv := s.with(backUpSoon).serve(t)
	wait.Until(t, "the first backup", func() bool { return len(s.points(t, "acme")) > 0 })
	before := s.points(t, "acme")[0].At
	if r := srv.post(t, "acme", "/api/projects", `{"name":"Later"}`); r.status != 201 {
		t.Fatalf("status %d", r.status)
	}
	wait.Until(t, "the backup of everything", func() bool {
		return only[app.Survey](t, s.run(t, "backup", "status", "--json").stdout).Stored == 2
	})
	s.must(t, "tenant", "restore", "acme", "--at", before.Format(time.RFC3339Nano), "--as", "acme-before")
	s.must(t, "tenant", "restore", "acme", "--as", "acme-now")
	expectRestored(t, srv)
	if r := srv.post(t, "acme", "/api/projects", `{"name":"At last"}`); r.status != 201 {
		t.Fatalf("status %d", r.status)
	}
	if status := srv.stop(t); status != exitDone { // a server that stops backs up what is left
		t.Errorf("status %d", status)
	}
	if got := only[app.Survey](t, s.must(t, "backup", "status", "--json")); got.Tenants != 4 || got.Stored != 4 {
		t.Errorf("%+v", got)
	}
	if got := s.must(t, "backup", "verify", "--no-header"); strings.Count(got, "\twhole\n") != 4 {
		t.Errorf("it says %s", got)
	}
}

// expectRestored expects the project Later in acme and in acme-now, and neither in acme-before nor in globex. The copies have
// acme's people, though not their sessions.
func expectRestored(t *testing.T, srv *server) {
	t.Helper()
	for subdomain, want := range map[string]bool{"acme": true, "acme-before": false, "acme-now": true, "globex": false} {
		of := "acme"
		if subdomain == "globex" {
			of = "globex"
		}
		token, ok := srv.signIn(t, subdomain, admin(of), password)
		if !ok {
			t.Fatalf("no sign-in at %s", subdomain)
		}
		r := srv.as(t, "Authorization: Bearer "+token+"\r\n", "GET", subdomain, "/api/projects", "")
		if got := strings.Contains(r.body, "Later"); r.status != 200 || got != want {
			t.Errorf("%s: %d %s", subdomain, r.status, r.body)
		}
	}
	if r := srv.as(t, srv.bearer(t, "acme"), "GET", "acme-now", "/api/projects", ""); r.status != 401 {
		t.Errorf("acme's session at its copy: %d", r.status)
	}
}

// TestBadBackups: what can't be done is said, with exit status 1 or 2, and changes nothing.
func TestBadBackups(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	s.create(t, "acme")
	without, soon := s, s.with(backUpSoon)
	without.environ = s.environ[:len(s.environ)-2]
	for _, args := range [][]string{{"backup", "status"}, {"backup", "run"}, {"backup", "verify"}, {"backup", "list", "acme"}, {"tenant", "restore", "acme", "--as", "copy"}} {
		if r := without.run(t, args...); r.status != exitFailed || !strings.Contains(r.stderr, "TENANTRY_BACKUP_URL") {
			t.Errorf("%q without a bucket: %d %s", args, r.status, r.stderr)
		}
	}
	for args, want := range map[string]int{
		"backup status": exitFailed, "backup verify": exitFailed, "tenant restore acme --as copy": exitFailed, "backup run unknown": exitFailed,
		"tenant restore acme --at 2026-11-25": exitUsage, "tenant restore acme --server default": exitUsage, "tenant restore acme --as copy --at yesterday": exitUsage,
		"tenant restore acme --as Copy!": exitUsage, "backup list acme --limit 0": exitUsage, "backup verify --sample -1": exitUsage,
	} {
		if args == "backup status" { // a commit has to wait for longer than two intervals
			wait.Until(t, "it to be late", func() bool { return soon.run(t, "backup", "status").status == exitFailed })
		}
		if r := soon.run(t, strings.Fields(args)...); r.status != want || r.stderr == "" {
			t.Errorf("%s: %d %s", args, r.status, r.stderr)
		}
	}
	if r := soon.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, app.BackupLate) {
		t.Errorf("the doctor of a master that is late: %d %s", r.status, r.stdout)
	}
	s.must(t, "backup", "run")
	s.must(t, "doctor")
	files, err := filepath.Glob(filepath.Join(store, "tenants/*/ltx/9/*.ltx"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	if err := os.Truncate(files[0], 1000); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"backup verify acme", "tenant restore acme --as copy"} {
		if r := s.run(t, strings.Fields(args)...); r.status != exitFailed || !strings.Contains(r.stderr+r.stdout, "damaged") {
			t.Errorf("%s of a damaged backup: %d %s", args, r.status, r.stderr)
		}
	}
	if got := s.must(t, "tenant", "list", "--no-header"); strings.Count(got, "\n") != 1 {
		t.Errorf("there are %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "restore-*")); len(left) > 0 || err != nil {
		t.Errorf("left %q, %v", left, err)
	}
}

// TestRecoveryOfNothing: where there is no backup, a recovery makes nothing, whether the place is mistyped or empty.
func TestRecoveryOfNothing(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	s := newSQLite(t)
	s.dir = filepath.Join(parent, "data")
	s.environ = append(s.environ, "TENANTRY_SECRET_KEY="+seal.GenerateKey(), "TENANTRY_DATA_DIR="+s.dir)
	if err := os.Mkdir(filepath.Join(parent, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, store := range []string{"mistyped", "mistyped/below", "empty"} {
		r := s.with("TENANTRY_BACKUP_URL=file://"+filepath.Join(parent, store)).run(t, "backup", "recover")
		if r.status != exitFailed || !strings.Contains(r.stderr, "no backup") || !strings.Contains(r.stderr, store) {
			t.Errorf("%s: %d %s", store, r.status, r.stderr)
		}
		if got := names(t, parent); len(got) != 1 {
			t.Errorf("%s: there are %q", store, got)
		}
	}
}

// TestTwoInstallations: two installations keep their backups side by side, of which neither touches the other's. A third with a
// secret key of its own is refused where one of them is.
func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	at := func(place string) site {
		s := newSQLite(t)
		s.environ = append(s.environ, "TENANTRY_BACKUP_URL=file://"+filepath.Join(parent, place))
		s.create(t, "acme")
		return s
	}
	one, two := at("one"), at("one2")
	one.must(t, "backup", "run")
	two.must(t, "backup", "run")
	before := hashes(t, filepath.Join(parent, "one2"))
	one.must(t, "tenant", "erase", "acme", "--reason=moved", "--yes")
	intruder := at("one2")
	if r := intruder.run(t, "backup", "run"); r.status != exitFailed || !strings.Contains(r.stderr, "another installation") {
		t.Errorf("a third: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if got := hashes(t, filepath.Join(parent, "one2")); !maps.Equal(got, before) {
		t.Errorf("there was %v, and is %v", before, got)
	}
	if got := two.must(t, "backup", "verify", "--no-header"); !strings.HasSuffix(got, "\twhole\n") {
		t.Errorf("verified: %s", got)
	}
	key, err := os.ReadFile(filepath.Join(two.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	empty := newSQLite(t)
	empty.environ = append(empty.environ, two.environ[len(two.environ)-1], "TENANTRY_SECRET_KEY="+strings.TrimSpace(string(key)))
	if got := empty.must(t, "backup", "recover", "--no-header"); strings.Count(got, "as it was at") != 1 {
		t.Errorf("recovered: %s", got)
	}
	twin := newSQLite(t)
	twin.environ = append(twin.environ, empty.environ[len(empty.environ)-2:]...)
	twin.create(t, "hooli")
	before = hashes(t, filepath.Join(parent, "one2"))
	if r := twin.run(t, "backup", "run"); r.status != exitFailed || !strings.Contains(r.stderr, "another installation") || !strings.Contains(r.stderr, "--take-over") {
		t.Errorf("one with the same secret key: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if got := hashes(t, filepath.Join(parent, "one2")); !maps.Equal(got, before) {
		t.Errorf("there was %v, and is %v", before, got)
	}
	for _, own := range []site{two, empty} { // the recovered one goes on, too
		own.create(t, "later")
		own.must(t, "backup", "run")
	}
	twin.must(t, "backup", "run", "--take-over")
	empty.create(t, "last")
	if r := empty.run(t, "backup", "run"); r.status != exitFailed || !strings.Contains(r.stderr, "another installation") {
		t.Errorf("after it was taken over: %d %s %s", r.status, r.stdout, r.stderr)
	}
}

// names are the names of a folder's content.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestRecovery is the drill: an empty folder, the bucket and the secret key bring everything back. A tenant whose backup
// is damaged is named, and comes back once the backup is mended; nothing is replaced.
func TestRecovery(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	srv := s.serve(t)
	for _, subdomain := range []string{"acme", "globex", "initech"} {
		s.create(t, subdomain)
		if r := srv.post(t, subdomain, "/api/projects", `{"name":"Kept by `+subdomain+`"}`); r.status != 201 {
			t.Fatalf("status %d", r.status)
		}
	}
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
	acme := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")).Items[0]

	empty := newSQLite(t)
	empty.environ = append(empty.environ, s.environ[len(s.environ)-2:]...)
	if r := empty.run(t, "backup", "recover"); r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_SECRET_KEY") {
		t.Errorf("without the key: %d %s", r.status, r.stderr)
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	empty.environ = append(empty.environ, "TENANTRY_SECRET_KEY="+strings.TrimSpace(string(key)))
	files, err := filepath.Glob(filepath.Join(store, "tenants", acme.ID, "ltx/9/*.ltx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	r := empty.run(t, "backup", "recover", "--no-header")
	if r.status != exitFailed || strings.Count(r.stdout, "as it was at") != 2 || !strings.Contains(r.stdout, "acme\tbackup is damaged") {
		t.Errorf("with a damaged backup: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := empty.must(t, "backup", "recover", "--no-header"); strings.Count(got, "was there") != 2 || strings.Count(got, "as it was at") != 1 {
		t.Errorf("again: %s", got)
	}
	empty.must(t, "tenant", "suspend", "globex") // waits for no process of the lost installation
	empty.must(t, "tenant", "resume", "globex")
	back := empty.serve(t)
	for _, subdomain := range []string{"acme", "globex", "initech"} {
		if r := back.get(t, subdomain, "/api/projects"); r.status != 200 || !strings.Contains(r.body, "Kept by "+subdomain) {
			t.Errorf("%s: %d %s", subdomain, r.status, r.body)
		}
	}
	if r := empty.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: %s %s", r.stdout, r.stderr)
	}
}
