package migrate_test

import (
	"maps"
	"testing"

	"tenantry/tenants/migrate"
)

// TestDeclaredVersions reads what migrations declare about older builds and older schemas.
func TestDeclaredVersions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files   []string
		from    int64
		older   map[int64]int64
		problem string
	}{
		"nothing":               {[]string{"1_a.sql", "", "2_b.sql", ""}, 2, map[int64]int64{1: 1, 2: 2}, ""},
		"expanded":              {[]string{"1_a.sql", "", "2_b.sql", "-- serves from: 1\n-- older code from: 1\n"}, 1, map[int64]int64{1: 1, 2: 1}, ""},
		"only the last serves":  {[]string{"1_a.sql", "", "2_b.sql", "-- serves from: 1", "3_c.sql", ""}, 3, map[int64]int64{1: 1, 2: 2, 3: 3}, ""},
		"the strictest counts":  {[]string{"1_a.sql", "", "2_b.sql", "", "3_c.sql", "-- older code from: 1"}, 3, map[int64]int64{1: 1, 2: 2, 3: 2}, ""},
		"by number, not name":   {[]string{"10_c.sql", "-- serves from: 2", "9_b.sql", "", "1_a.sql", ""}, 2, map[int64]int64{1: 1, 9: 9, 10: 10}, ""},
		"written loosely":       {[]string{"1_a.sql", "", "2_b.sql", "  --Serves From :1\t\r\nSELECT 1; -- older code from: x\n"}, 1, map[int64]int64{1: 1, 2: 2}, ""},
		"itself":                {[]string{"1_a.sql", "-- serves from: 1\n-- older code from: 1"}, 1, map[int64]int64{1: 1}, ""},
		"later than itself":     {[]string{"1_a.sql", "", "2_b.sql", "-- serves from: 3"}, 0, nil, `2_b.sql: "serves from" is declared to be "3": want a version from 1 to 2`},
		"zero":                  {[]string{"1_a.sql", "-- serves from: 0"}, 0, nil, `"0"`},
		"no number":             {[]string{"1_a.sql", "-- older code from: one"}, 0, nil, `"older code from" is declared to be "one"`},
		"empty":                 {[]string{"1_a.sql", "-- serves from:\nSELECT 1;"}, 0, nil, `""`},
		"a number and a remark": {[]string{"1_a.sql", "-- serves from: 1 or so"}, 0, nil, `"1 or so"`},
		"twice":                 {[]string{"1_a.sql", "-- serves from: 1\n-- serves from: 1"}, 0, nil, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := migrate.ReadVersions(folder(test.files...))
			if !matches(err, test.problem) {
				t.Fatalf("got %v, want %q", err, test.problem)
			}
			if err == nil && (got.From != test.from || !maps.Equal(got.OlderCode, test.older)) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
