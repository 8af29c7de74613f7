package command

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// hashes returns the hashes of the files below a folder, by their paths in it.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, path := range everyFile(t, dir) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		sums[strings.TrimPrefix(path, dir+"/")] = hex.EncodeToString(sum[:])
	}
	return sums
}

// wantNowhere expects that no file below the folder contains the text.
func wantNowhere(t *testing.T, dir, text string) {
	t.Helper()
	for _, path := range everyFile(t, dir) {
		if content, err := os.ReadFile(path); err != nil || strings.Contains(string(content), text) {
			t.Errorf("%s contains %q, %v", path, text, err)
		}
	}
}

// TestErase erases a tenant that is backed up. Its data is nowhere in the data folder, and no backup of it can be read any more:
// not here, and not with a backup of the master from before and the secret key on an empty machine, where its neighbour comes
// back. The certificate names what is stored as it is stored.
func TestErase(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	srv := s.serve(t)
	for _, name := range []string{"acme", "globex"} {
		s.create(t, name)
		if r := srv.post(t, name, "/api/projects", `{"name":"Secret of `+name+`"}`); r.status != 201 {
			t.Fatalf("status %d", r.status)
		}
	}
	s.must(t, "backup", "run")
	at := time.Now().Format(time.RFC3339Nano) // of a backup of the master that knows both
	srv.stop(t)
	acme := s.tenant(t, "acme")
	file := filepath.Join(t.TempDir(), "certificate.json")
	said := s.must(t, "tenant", "erase", "acme", "--reason=request 4711", "--certificate", file, "--yes", "--json")
	c := only[lifecycle.Certificate](t, said)
	if c.TenantID != acme.ID || c.Subdomain != "acme" || c.Reason != "request 4711" || c.By == "" || c.ErasedAt.IsZero() || len(c.Checks) == 0 || len(c.Outside) != 0 {
		t.Errorf("%+v", c)
	}
	if content, err := os.ReadFile(file); err != nil || only[lifecycle.Certificate](t, string(content)).Operation != c.Operation {
		t.Errorf("%s, %v", content, err)
	}
	named := map[string]string{}
	for _, o := range c.Objects {
		named[o.Key] = o.SHA256
	}
	for key, sum := range hashes(t, store) {
		if strings.HasPrefix(key, "keys/"+acme.ID) {
			t.Errorf("the key is at %s", key)
		}
		if strings.HasPrefix(key, "tenants/"+acme.ID+"/") && named[key] != sum {
			t.Errorf("the certificate has %q of %s, want %q", named[key], key, sum)
		}
	}
	if len(named) == 0 {
		t.Error("it names no objects")
	}
	wantNowhere(t, s.dir, "Secret of acme")
	if r := s.run(t, "tenant", "restore", "acme", "--as", "back"); r.status != exitFailed || !strings.Contains(r.stderr, "there is no key") {
		t.Errorf("restore: %d %s", r.status, r.stderr)
	}
	if again := only[lifecycle.Certificate](t, s.must(t, "tenant", "erase", acme.ID, "--reason=again", "--yes", "--json")); again.Operation != c.Operation || again.Reason != c.Reason {
		t.Errorf("again: %+v", again)
	}
	if text := s.must(t, "tenant", "erase", "acme", "--reason=again", "--yes"); !strings.Contains(text, c.Objects[0].SHA256) || !strings.Contains(text, "request 4711") {
		t.Errorf("for people: %s", text)
	}
	if r := s.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: %s %s", r.stdout, r.stderr)
	}
	s.recoverAt(t, store, at)
}

// recoverAt recovers the installation on an empty machine, from a backup of its master by which acme was there.
func (s site) recoverAt(t *testing.T, store, at string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	empty := newSQLite(t)
	empty.environ = append(empty.environ, "TENANTRY_BACKUP_URL=file://"+store, "TENANTRY_SECRET_KEY="+strings.TrimSpace(string(key)))
	r := empty.run(t, "backup", "recover", "--no-header", "--at", at)
	if r.status != exitFailed || !strings.Contains(r.stdout, "globex\tas it was at") || !strings.Contains(r.stdout, "no key") {
		t.Errorf("recover: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if got := empty.tenant(t, "acme"); got.State != tenants.StateActive {
		t.Errorf("in the old master acme is %s", got.State)
	}
	if r := empty.run(t, "tenant", "restore", "acme", "--as", "back"); r.status != exitFailed || !strings.Contains(r.stderr, "there is no key") {
		t.Errorf("restore: %d %s", r.status, r.stderr)
	}
	wantNowhere(t, empty.dir, "Secret of acme")
}

// TestEraseNamesOtherCopies: clones, exports and restored copies are not erased, and the certificate names them.
func TestEraseNamesOtherCopies(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	s.create(t, "acme")
	s.must(t, "backup", "run")
	s.must(t, "tenant", "clone", "acme", "cloned")
	s.must(t, "tenant", "export", "acme", filepath.Join(t.TempDir(), "acme.db"))
	s.must(t, "tenant", "restore", "acme", "--as", "restored")
	s.must(t, "tenant", "archive", "acme", "--yes")
	s.must(t, "tenant", "purge", "acme", "--yes")
	c := only[lifecycle.Certificate](t, s.must(t, "tenant", "erase", "acme", "--reason=asked", "--yes", "--json"))
	for _, want := range []string{"at cloned first", "exported", "at restored first"} {
		if !slices.ContainsFunc(c.Outside, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("outside are %q", c.Outside)
		}
	}
	for _, name := range []string{"cloned", "restored"} {
		if got := s.tenant(t, name); got.State != tenants.StateActive {
			t.Errorf("%s is %s", name, got.State)
		}
	}
}

// TestEraseRefused: what is missing or wrong is said, and nothing is done.
func TestEraseRefused(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"acme --yes":                "--reason",
		"acme --yes --reason=asked": "--without-backups",
		"acme --yes --reason=asked --without-backups --certificate=" + taken: "nothing was done",
		"acme --reason=asked --without-backups":                              "nothing was done",
		"nobody --yes --reason=asked --without-backups":                      "tenantry tenant list",
	} {
		if r := s.run(t, append([]string{"tenant", "erase"}, strings.Fields(args)...)...); r.status == exitDone || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: %d %s", args, r.status, r.stderr)
		}
	}
	if r := s.run(t, "tenant", "erase", "acme", "--yes", "--without-backups", "--reason", "two\nlines"); r.status != exitUsage {
		t.Errorf("a reason of two lines: %d %s", r.status, r.stderr)
	}
	if got := s.tenant(t, "acme"); got.State != tenants.StateActive {
		t.Errorf("it is %s", got.State)
	}
}

// TestEraseWhileStorageIsAway: an erasure whose key can't be destroyed now is not done, the doctor names it, and it is
// finished once the storage answers.
func TestEraseWhileStorageIsAway(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	s.create(t, "acme")
	s.must(t, "backup", "run")
	acme := s.tenant(t, "acme")
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := s.run(t, "tenant", "erase", "acme", "--reason=asked", "--yes"); r.status != exitFailed || !strings.Contains(r.stderr, "doctor --repair") || r.stdout != "" {
		t.Errorf("erase: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if r := s.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, "erase by") || !strings.Contains(r.stdout, `step "key"`) {
		t.Errorf("doctor: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if err := os.Remove(store); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(store+".away", store); err != nil {
		t.Fatal(err)
	}
	s.must(t, "doctor", "--repair")
	c := only[lifecycle.Certificate](t, s.must(t, "tenant", "erase", acme.ID, "--reason=again", "--yes", "--json"))
	if c.Reason != "asked" || len(c.Objects) == 0 {
		t.Errorf("%+v", c)
	}
	if r := s.run(t, "backup", "key", acme.ID); r.status != exitFailed || !strings.Contains(r.stderr, "there is no key") {
		t.Errorf("the key: %d %s", r.status, r.stderr)
	}
}

// TestBackupKey: the key that is shown decrypts the backups with age alone, and is in the ledger only as shown.
func TestBackupKey(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	s.create(t, "acme")
	s.must(t, "backup", "run")
	r := s.run(t, "backup", "key", "acme")
	identity, err := age.ParseX25519Identity(strings.TrimSpace(r.stdout))
	if err != nil || strings.Contains(r.stderr, "AGE-SECRET") {
		t.Fatalf("%d %q %s, %v", r.status, r.stdout, r.stderr, err)
	}
	files, err := filepath.Glob(filepath.Join(store, "tenants", s.tenant(t, "acme").ID, "ltx/9/*.ltx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	object, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	plain, err := age.Decrypt(object, identity)
	head := make([]byte, 4)
	if err == nil {
		_, err = plain.Read(head)
	}
	if err != nil || string(head) != "LTX1" {
		t.Errorf("it begins with %q, %v", head, err)
	}
	ledger := s.must(t, "operations", "--json")
	if !strings.Contains(ledger, `"backup-key"`) || strings.Contains(ledger, "AGE-SECRET") {
		t.Errorf("the ledger: %s", ledger)
	}
	wantNowhere(t, s.dir, "AGE-SECRET-KEY-1")
	var shown keysDocument
	if err := json.Unmarshal([]byte(s.must(t, "backup", "key", "acme", "--json")), &shown); err != nil || len(shown.Keys) != 1 || shown.Keys[0] != identity.String() {
		t.Errorf("%v", err)
	}
}
