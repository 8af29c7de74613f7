package command

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// oddNames are names of folders that mean something else to a pattern, a URL, a
// shell or a parser of flags.
func oddNames() []string {
	return []string{
		"app[1]", "app[", "a*b", "a?b", `a\*b`, "{a,b}", "with space", " ", "#", "a#b", "%2e", "a%b", "%", "?mode=memory", "a&b=c",
		"new\nline", "tab\tand \x01", "\xff\xfe", "é\u0301", "-rf", "--json", "~", "$HOME", "'q'", `"q"`, ":memory:", "file:x", "a;b",
		"data.db-wal", strings.Repeat("x", 200),
	}
}

// neighbours are what a pattern or a URL that was made of the name would find.
func neighbours(name string) []string {
	all := []string{"app1", "aab", "a-b", "a.b", "ab", "a", "b", ".x", "mode", "x"}
	return append(all, strings.NewReplacer("*", "x", "?", "x", "[", "", "]", "", "%2e", ".", "#", "").Replace(name)+"y")
}

// TestOddDataFolders goes through a tenant's life in folders with odd names,
// beside folders of other programs.
func TestOddDataFolders(t *testing.T) {
	t.Parallel()
	for _, name := range oddNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSQLite(t)
			parent := filepath.Join(filepath.Dir(s.dir), "parent")
			s.dir = filepath.Join(parent, name)
			s.environ = []string{"TENANTRY_DATA_DIR=" + s.dir}
			others := makeNeighbours(t, parent, neighbours(name))
			s.lifeOfATenant(t)
			if open := modesBelow(t, s.dir); runtime.GOOS != "windows" && len(open) > 0 {
				t.Errorf("open to others: %q", open)
			}
			for path, mode := range others {
				info, err := os.Stat(path)
				if err != nil || info.Mode() != mode {
					t.Errorf("%s was %v and is %v: %v", path, mode, info.Mode(), err)
				}
			}
			entries, err := os.ReadDir(parent)
			if err != nil || len(entries) != len(others)/2+1 {
				t.Errorf("%d entries beside each other, want %d; %v, %v", len(entries), len(others)/2+1, entries, err)
			}
		})
	}
}

// lifeOfATenant runs each command that works with files.
func (s site) lifeOfATenant(t *testing.T) {
	t.Helper()
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	if r := srv.as(t, "", "GET", "acme", "/api/me", ""); r.status != http.StatusUnauthorized {
		t.Errorf("%d %s", r.status, r.body)
	}
	srv.stop(t)
	for _, name := range []string{"operator.token", "master.db"} {
		if err := os.Chmod(filepath.Join(s.dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r := s.run(t, "doctor"); r.status != exitFailed {
		t.Errorf("doctor finds no file that is open: %d %s%s", r.status, r.stdout, r.stderr)
	}
	s.must(t, "doctor", "--repair")
	s.must(t, "tenant", "archive", "acme", "--yes")
	s.must(t, "tenant", "purge", "acme", "--yes")
	s.must(t, "tenant", "restore", "acme")
	s.must(t, "tenant", "create", "globex", "--from=sqlite:"+s.file(t, "acme"))
	s.must(t, "migrate", "up")
	if list := s.must(t, "tenant", "list"); strings.Count(list, "\tactive\t") != 2 {
		t.Errorf("list: %s", list)
	}
	s.must(t, "doctor")
}

// makeNeighbours makes folders that are open to others, with a file in each,
// and returns their modes.
func makeNeighbours(t *testing.T, parent string, names []string) map[string]fs.FileMode {
	t.Helper()
	modes := map[string]fs.FileMode{}
	for _, name := range names {
		folder := filepath.Join(parent, name)
		if len(name) > 255 {
			continue
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, "master.db")
		if err := os.WriteFile(file, []byte("not ours"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{folder, file} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			modes[path] = info.Mode()
		}
	}
	return modes
}

// modesBelow are the files and folders that others than their owner can use.
func modesBelow(t *testing.T, dir string) (open []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// TestLongDataFolders makes tenants in a folder as long as it may be, and is
// refused in longer ones, also behind a short symbolic link.
func TestLongDataFolders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ length, status int }{{430, exitDone}, {430 + 1, exitUsage}, {5000, exitUsage}} {
		s, link := newSQLite(t), filepath.Join(t.TempDir(), "link")
		dir := lengthened(s.dir, test.length)
		if err := os.MkdirAll(dir, 0o700); err == nil {
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			s.expectCreated(t, link, "globex", test.status)
		}
		s.expectCreated(t, dir, "acme", test.status)
	}
}

// expectCreated makes a tenant in a data folder, and expects an exit status.
func (s site) expectCreated(t *testing.T, dir, subdomain string, status int) {
	t.Helper()
	r := s.with("TENANTRY_DATA_DIR="+dir).run(t, "tenant", "create", subdomain)
	if r.status != status || status == exitUsage && !strings.Contains(r.stderr, "at most 430 bytes") {
		t.Errorf("%d bytes: status %d, %s", len(dir), r.status, r.stderr)
	}
}

// lengthened is a folder below dir whose path has so many bytes.
func lengthened(dir string, length int) string {
	for len(dir) < length {
		name := min(100, length-len(dir)-1)
		if length-len(dir)-1-name == 1 {
			name-- // or one byte would be left, which is no name
		}
		dir += string(filepath.Separator) + strings.Repeat("x", name)
	}
	return dir
}
