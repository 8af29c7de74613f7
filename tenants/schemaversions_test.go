package tenants_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
)

// TestDialectsDeclareTheSame opens no engine whose migrations declare something else, or something impossible, for one of
// the dialects.
func TestDialectsDeclareTheSame(t *testing.T) {
	t.Parallel()
	migrations := func(declared string) fs.FS {
		return fstest.MapFS{
			"1_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE one (n integer);")},
			"2_b.sql": {Data: []byte(declared + "\n-- +goose Up\nCREATE TABLE two (n integer);")},
		}
	}
	for name, test := range map[string]struct{ sqlite, postgres, problem string }{
		"the same":    {"-- serves from: 1\n-- older code from: 1", "-- older code from: 1\n-- serves from: 1", ""},
		"nothing":     {"", "", ""},
		"serves":      {"-- serves from: 1", "", `"serves from" of migration 2 differs: 1 and 2`},
		"older code":  {"", "-- older code from: 1", `"older code from" of migration 2 differs: 2 and 1`},
		"a bad value": {"", "-- older code from: soon", "2_b.sql"},
	} {
		schema := tenants.Schema{Migrations: map[string]fs.FS{"sqlite": migrations(test.sqlite), "postgres": migrations(test.postgres)}}
		engine, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Schema: schema})
		if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			must(t, engine.Close())
		}
	}
}
