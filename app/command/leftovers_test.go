package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRefusedCommandsLeaveNothing runs commands that are refused: by their flags, by what there is already, and by what isn't
// there. Each leaves the data folder and the folder beside it with the files that they had.
func TestRefusedCommandsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	beside := filepath.Join(filepath.Dir(s.dir), "beside")
	in := func(name string) string { return filepath.Join(beside, name) }
	if err := os.MkdirAll(in("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"file": "", "text.db": "no database", "text.csv": "", "1_nothing.json": "[]", "1_projects.json": `[{"title": "Dig"}]`, "2_projects.json": "{",
	} {
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"acme", "globex"} {
		s.must(t, "tenant", "create", name)
	}
	s.must(t, "server", "add", "north", "sqlite:"+in("north"))
	s.must(t, "tenant", "export", "acme", in("acme.db"))
	before := s.lasting(t)
	for _, command := range []string{
		"server add default sqlite:IN/a", "server add north sqlite:IN/a/b", "server add again sqlite:IN/north", "server add again sqlite:IN/file/a",
		"server add again sqlite:DIR", "server add Bad sqlite:IN/c", "server add south sqlite:IN/c --capacity=-1", "server add south sqlite:IN/c --label Region=eu",
		"server add south sqlite:IN/c --no-such-flag", "server set south --capacity 1", "server remove default",
		"tenant create acme", "tenant create Acme!", "tenant create www", "tenant create hooli --server south", "tenant create hooli --label region=eu", "tenant create hooli --admin-email x",
		"tenant create hooli --from IN/text.db", "tenant create hooli --from IN/none.db", "tenant create hooli --from IN/folder", "tenant create acme --from IN/acme.db",
		"tenant create hooli --resume", "tenant clone acme globex", "tenant clone none hooli", "tenant clone acme www", "tenant clone acme hooli --no-such-flag",
		"tenant export acme IN/acme.db", "tenant export none IN/none.db", "tenant export acme IN/none/acme.db", "tenant export acme IN/file/acme.db",
		"tenant schema none IN/schema.sql", "tenant schema acme IN/file", "tenant schema acme IN/none/schema.sql",
		"tenant query SELECT --into IN/rows.csv", "tenant query TABLE --into IN/rows.txt", "tenant query DELETE --into IN/rows.csv", "tenant query TABLE --state=odd --into IN/rows.csv",
		"tenant query TABLE --where odd=1 --into IN/rows.csv", "tenant query TABLE --into IN/text.csv", "tenant query TABLE --into IN/none/rows.db",
		"tenant move acme --to south", "tenant move none --to north", "tenant move --all --to south",
		"tenant swap acme acme", "tenant swap acme none", "tenant rename acme globex", "tenant rename acme www", "tenant restore acme --as hooli",
		"tenant purge acme --yes", "tenant erase acme --yes", "tenant shell none", "tenant set acme odd=1", "tenant set acme plan",
		"seed none", "seed --file IN/none", "seed --file IN/file",
		"migrate up --tenant none --keep-copies", "migrate up --waves 50%,10% --keep-copies", "migrate up --resume", "migrate revert --yes", "migrate accept", "migrate down --tenant none --yes",
		"backup run", "backup verify", "backup run --backup-url nonsense",
		"serve --data-dir IN/fresh --addr nonsense", "serve --data-dir IN/fresh --base-domain ..", "serve --data-dir IN/fresh --backup-url nonsense", "serve --data-dir IN/fresh --files-url nonsense",
		"serve --data-dir IN/fresh --durability odd", "serve --data-dir IN/fresh --public-url nonsense", "serve --data-dir IN/fresh --no-such-flag",
		"serve --data-dir IN/file", "serve --data-dir IN/fresh --database-url mysql://x", "serve --data-dir IN/fresh --database-url postgres://127.0.0.1:1/x",
		"seed none --data-dir IN/fresh", "seed --file IN/none --data-dir IN/fresh", "seed acme --file IN/none --data-dir IN/fresh", "seed acme --file IN/folder --data-dir IN/fresh",
		"seed Acme! --file IN/1_projects.json --data-dir IN/fresh", "seed acme --file IN/1_nothing.json --data-dir IN/fresh", "seed acme --file IN/1_projects.json --data-dir IN/fresh",
		"seed acme --file IN/2_projects.json --data-dir IN/fresh", "seed acme --file IN/text.csv --data-dir IN/fresh",
		"tenant create acme --name=\x01 --data-dir IN/fresh", "tenant create acme --name " + strings.Repeat("x", 201) + " --data-dir IN/fresh",
		"tenant create acme --from sqlite:IN/text.db --data-dir IN/fresh", "tenant create acme --from sqlite:IN/folder --data-dir IN/fresh", "tenant create acme --from sqlite:IN/acme.db --data-dir IN/fresh",
		"tenant create acme --from postgres://127.0.0.1:1/x --data-dir IN/fresh", "tenant create acme --from mysql://x --data-dir IN/fresh",
		"tenant create acme --admin-email=a@b.example --admin-password-stdin --data-dir IN/fresh", "tenant create Acme! --data-dir IN/fresh",
		"tenant create acme --server none --data-dir IN/fresh", "tenant create acme --label region=eu --data-dir IN/fresh", "tenant create acme --from IN/none.db --data-dir IN/fresh",
		"tenant create acme --from IN/text.db --data-dir IN/fresh", "tenant create acme --from IN/folder --data-dir IN/fresh", "tenant create acme --from sqlite:IN/none.db --data-dir IN/fresh",
		"tenant create acme --admin-email x --data-dir IN/fresh", "tenant create acme --resume --data-dir IN/fresh", "tenant create www --data-dir IN/fresh", "seed --data-dir IN/fresh --no-such-flag",
		"backup recover --data-dir IN/fresh", "backup recover --data-dir IN/fresh --backup-url file://IN/none", "backup recover --data-dir IN/fresh --backup-url file://IN/folder",
	} {
		args := strings.Fields(strings.NewReplacer("IN", beside, "DIR", s.dir).Replace(command))
		if r := s.run(t, args...); r.status == exitDone {
			t.Errorf("%s: done", command)
		}
		if after := s.lasting(t); !slices.Equal(before, after) {
			t.Errorf("%s: it leaves %q", command, slices.DeleteFunc(slices.Clone(after), func(name string) bool { return slices.Contains(before, name) }))
			if err := os.RemoveAll(in("fresh")); err != nil {
				t.Fatal(err)
			}
			before = s.lasting(t)
		}
	}
}

// lasting are the names of all files and folders in and beside the data folder, but for those that SQLite makes and removes.
func (s site) lasting(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Dir(s.dir)
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			names = append(names, strings.TrimPrefix(path, root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
