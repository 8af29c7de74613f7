package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readers are the commands that need an installation and make none.
func readers() []string {
	return []string{
		"tenant list", "tenant show acme", "tenant suspend acme", "tenant resume acme", "tenant rename acme globex",
		"tenant archive acme --yes", "tenant restore acme", "tenant purge acme --yes", "tenant admin acme --admin-email=a@b.example",
		"tenant create acme --resume", "tenant domain add acme work.example.com", "tenant domain remove acme work.example.com",
		"tenant domain list acme", "migrate status", "migrate plan", "migrate up", "migrate down --tenant acme --yes", "doctor", "doctor --repair", "doctor --repair --make-empty acme --yes",
		"tenant export acme acme.db", "tenant clone acme globex", "tenant move acme --to other", "tenant swap acme globex", "tenant shell acme", "tenant erase acme --reason=asked --yes", "backup key acme", "tenant release acme --yes", "tenant reserved", "tenant set-name acme Acme", "tenant limit acme --reset", "tenant maintenance acme on", "tenant maintenance --all off", "tenant query TABLE",
		"tenant set acme plan=team", "tenant enter acme --as=ada@a.example --reason=asked", "tenant schema acme", "tenant handles", "tenant handles acme --close",
		"operator add ada --role owner", "operator list", "operator role ada viewer", "operator token ada", "operator remove ada",
		"tenant domain verify acme work.example.com", "operations", "tenant cancel acme --yes", "migrate stop", "migrate runs", "migrate accept", "migrate revert --yes", "server add north sqlite:north", "server list", "server show default", "server set default --capacity 0",
		"server drain default", "server undrain default", "server remove north", "top --once", "jobs list", "jobs list --tenant acme", "jobs list --master", "jobs retry acme --all", "jobs retry --master --all",
		"backup status", "backup list acme", "backup run", "backup verify", "tenant restore acme --as globex",
	}
}

// makers are the commands that make an installation.
func makers() []string { return []string{"serve", "tenant create", "seed", "backup recover"} }

// notMasters are what a data folder can be where a master was looked for. Each
// is made at the path, below a folder that is there.
func notMasters() map[string]func(path string) error {
	write := func(name, content string) func(string) error {
		return func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)
		}
	}
	return map[string]func(string) error{
		"missing":      func(string) error { return nil },
		"empty":        func(dir string) error { return os.Mkdir(dir, 0o700) },
		"another's":    write("notes.txt", "not ours"),
		"empty master": write("master.db", ""),
		"link to nothing": func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.Symlink("nowhere", filepath.Join(dir, "master.db"))
		},
		"another program's": func(dir string) error { return foreignMaster(filepath.Join(dir, "master.db")) },
	}
}

// TestCommandsMakeNoInstallation runs commands in folders without one. They say
// what is missing, and leave the folder as it was.
func TestCommandsMakeNoInstallation(t *testing.T) {
	t.Parallel()
	for what, prepare := range notMasters() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSQLite(t)
			if err := prepare(s.dir); err != nil {
				t.Fatal(err)
			}
			before := everything(t, filepath.Dir(s.dir))
			for _, command := range readers() {
				r := s.run(t, strings.Fields(command)...)
				if r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_DATA_DIR") ||
					!strings.Contains(r.stderr, filepath.Join(s.dir, "master.db")) || !strings.Contains(r.stderr, "tenantry serve") {
					t.Errorf("%s: status %d, %s", command, r.status, r.stderr)
				}
			}
			if after := everything(t, filepath.Dir(s.dir)); !slices.Equal(before, after) {
				t.Errorf("there was %q, and is %q", before, after)
			}
		})
	}
}

// TestCommandsMakeNoInstallationOnPostgres is the same for an empty database.
func TestCommandsMakeNoInstallationOnPostgres(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	conn := connect(t, s.config(t).DatabaseURL)
	tables := func() (count int64) {
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	for _, command := range readers() {
		r := s.run(t, strings.Fields(command)...)
		if r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_DATABASE_URL") || !strings.Contains(r.stderr, "tenantry serve") {
			t.Errorf("%s: status %d, %s", command, r.status, r.stderr)
		}
	}
	if count := tables(); count != 0 || fileExists(s.dir) {
		t.Errorf("there are %d tables, and the data folder is there: %v", count, fileExists(s.dir))
	}
}

// TestLostKey takes the key's file away. Commands don't make another.
func TestLostKey(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	key := filepath.Join(s.dir, "secret.key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	for _, command := range readers() {
		if r := s.run(t, strings.Fields(command)...); r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_SECRET_KEY") || !strings.Contains(r.stderr, key) {
			t.Errorf("%s: status %d, %s", command, r.status, r.stderr)
		}
	}
	if fileExists(key) {
		t.Error("a command made another key")
	}
}

// TestEveryCommandIsSorted finds each command that opens the application among
// those that make an installation or those that don't.
func TestEveryCommandIsSorted(t *testing.T) {
	t.Parallel()
	var line commandLine
	run, err := line.parse(Process{Args: []string{"version"}})
	if err != nil {
		t.Fatal(err)
	}
	opensNothing := []string{"key new", "version", "help", "completion", "complete"}
	for _, leaf := range run.Model.Leaves(true) {
		path := strings.TrimPrefix(leaf.Path(), "tenantry ")
		known := slices.ContainsFunc(slices.Concat(readers(), makers(), opensNothing), func(command string) bool {
			return strings.HasPrefix(command+" ", path+" ")
		})
		if !known {
			t.Errorf("%q is in no list of this file", path)
		}
	}
}

// everything is what there is below a folder, with sizes and modes.
func everything(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && !info.IsDir() {
			all = append(all, path, info.Mode().String(), info.ModTime().String())
		} else if err == nil {
			all = append(all, path, info.Mode().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// foreignMaster writes a SQLite database without any table.
func foreignMaster(path string) error {
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	page := make([]byte, 4096)
	copy(page, "SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20\x00\x00\x00\x01\x00\x00\x00\x01")
	copy(page[44:], "\x00\x00\x00\x04") // schema format
	copy(page[56:], "\x00\x00\x00\x01") // UTF-8
	copy(page[100:], "\x0d\x00\x00\x00\x00\x10\x00\x00")
	return os.WriteFile(path, page, 0o600)
}
