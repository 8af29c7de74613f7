package migrate_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants/migrate"
)

// folder makes migrations of pairs of a name and a content.
func folder(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func TestLatest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fsys    fs.FS
		want    int64
		problem string
	}{
		"one":           {folder("00001_init.sql", ""), 1, ""},
		"greatest":      {folder("9_b.sql", "", "10_c.sql", "", "1_a.sql", ""), 10, ""},
		"other files":   {folder("00002_a.sql", "", "README.md", "", "sub/00003_b.sql", ""), 2, ""},
		"none":          {folder("README.md", ""), 0, "no *.sql file"},
		"missing":       {nil, 0, "no migrations for this dialect"},
		"no number":     {folder("init.sql", ""), 0, `"init.sql"`},
		"zero":          {folder("00000_init.sql", ""), 0, `"00000_init.sql"`},
		"number twice":  {folder("1_a.sql", "", "01_b.sql", ""), 0, `"01_b.sql" and "1_a.sql"`},
		"not a version": {folder("x1_init.sql", ""), 0, `"x1_init.sql"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := migrate.Latest(test.fsys)
			if got != test.want || !matches(err, test.problem) {
				t.Errorf("got %d, %v; want %d, %q", got, err, test.want, test.problem)
			}
		})
	}
}

func TestHashChangesWithNamesAndContents(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, fsys := range map[string]fs.FS{
		"base":           folder("1_a.sql", "x", "2_b.sql", "y"),
		"content":        folder("1_a.sql", "x", "2_b.sql", "z"),
		"name":           folder("1_a.sql", "x", "2_c.sql", "y"),
		"one more":       folder("1_a.sql", "x", "2_b.sql", "y", "3_c.sql", ""),
		"shifted":        folder("1_a.sql", "", "2_b.sql", "xy"),
		"one for two":    folder("1_a.sql", "x\n7 2_b.sql 1\ny"),
		"swapped":        folder("1_a.sql", "y", "2_b.sql", "x"),
		"final new line": folder("1_a.sql", "x", "2_b.sql", "y\n"),
	} {
		hash, err := migrate.Hash(fsys)
		if err != nil || len(hash) != 16 {
			t.Fatalf("%s: %q, %v", name, hash, err)
		}
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[hash] = name
	}
}

func TestHashIgnoresOtherFiles(t *testing.T) {
	t.Parallel()
	one, err1 := migrate.Hash(folder("1_a.sql", "x"))
	two, err2 := migrate.Hash(folder("1_a.sql", "x", "README.md", "y"))
	if one != two || err1 != nil || err2 != nil {
		t.Errorf("%s, %v and %s, %v", one, err1, two, err2)
	}
	if _, err := migrate.Hash(folder()); err == nil {
		t.Error("a hash of no migrations")
	}
}

func matches(err error, part string) bool {
	if part == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), part)
}

func TestUntil(t *testing.T) {
	t.Parallel()
	all := folder("1_a.sql", "", "00002_b.sql", "", "10_c.sql", "")
	for version, want := range map[int64]int64{1: 1, 2: 2, 9: 2, 10: 10, 11: 10} {
		if got, err := migrate.Latest(migrate.UpTo(all, version)); err != nil || got != want {
			t.Errorf("until %d: the last is %d, %v; want %d", version, got, err, want)
		}
	}
	if _, err := migrate.Latest(migrate.UpTo(all, 0)); !matches(err, "no *.sql file") {
		t.Errorf("until 0: %v", err)
	}
}
