package command

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/pgcluster"
)

func TestDataFolderIsPrivate(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.environ = append(s.environ, "TENANTRY_DATABASE_URL=sqlite:deep/down/m.db")
	s.must(t, "tenant", "create", "acme")
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "deep"), filepath.Join(s.dir, "deep", "down"), filepath.Join(s.dir, "deep", "down", "tenants")} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %s", dir, info.Mode())
		}
	}
}

func TestOpenDataFolderIsToldOf(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	s := newSQLite(t)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if r := s.run(t, "tenant", "create", "acme"); r.stderr != "" {
		t.Errorf("a private folder is warned of: %s", r.stderr)
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, "tenant", "list")
	if r.status != exitDone || !strings.Contains(r.stderr, "chmod 700") || !strings.Contains(r.stderr, s.dir) {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

func TestDataFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := site{}.run(t, "tenant", "list", "--data-dir="+filepath.Join(file, "data"))
	if r.status != exitUsage || !strings.Contains(r.stderr, "no master database") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
	r = site{}.run(t, "tenant", "create", "acme", "--data-dir="+filepath.Join(file, "data"))
	if r.status != exitFailed || !strings.Contains(r.stderr, "TENANTRY_DATA_DIR") || !strings.Contains(r.stderr, file) {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

func TestMasterThatIsNoDatabase(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "master.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, "serve")
	if r.status != exitFailed || !strings.Contains(r.stderr, path) || !strings.Contains(r.stderr, "TENANTRY_DATABASE_URL") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

// TestUnreachablePostgres expects an error with the server's name and without the password.
func TestUnreachablePostgres(t *testing.T) {
	t.Parallel()
	s := site{environ: []string{"TENANTRY_SECRET_KEY=" + seal.GenerateKey()}}
	r := s.run(t, "tenant", "list", "--database-url=postgres://user:hunter2@127.0.0.1:1/tenantry")
	if r.status != exitFailed || r.stdout != "" {
		t.Errorf("status %d, %q", r.status, r.stdout)
	}
	for _, part := range []string{"127.0.0.1:1", "TENANTRY_DATABASE_URL", "--database-url"} {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("%q does not contain %q", r.stderr, part)
		}
	}
	if strings.Contains(r.stderr, "hunter2") {
		t.Errorf("the password is shown: %s", r.stderr)
	}
}

func TestWrongPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgcluster.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("nobody", "hunter2")
	s := site{environ: []string{"TENANTRY_SECRET_KEY=" + seal.GenerateKey()}}
	r := s.run(t, "tenant", "list", "--database-url="+u.String())
	if r.status != exitFailed || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

// TestPostgresNeedsNoDataFolder: only a server's token is kept there.
func TestPostgresNeedsNoDataFolder(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	s.must(t, "tenant", "create", "acme")
	if files := s.files(t); len(files) > 0 {
		t.Errorf("made %v", files)
	}
	s.serve(t)
	want := []string{s.dir, filepath.Join(s.dir, "operator.token")}
	if files := s.files(t); !slices.Equal(files, want) {
		t.Errorf("serving made %v, want %v", files, want)
	}
}

func TestOpeningLeavesOnlyTheMaster(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	want := []string{s.dir, filepath.Join(s.dir, "instances"), filepath.Join(s.dir, "master.db"), filepath.Join(s.dir, "secret.key"), filepath.Join(s.dir, "templates"), filepath.Join(s.dir, "tenants"), filepath.Join(s.dir, "trash")}
	if got := s.files(t); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
