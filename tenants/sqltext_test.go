package tenants

import (
	"slices"
	"testing"
)

// engines are the values of nested.
func engines() map[string]bool { return map[string]bool{"sqlite": false, "postgres": true} }

func TestIsForbidden(t *testing.T) {
	t.Parallel()
	for engine, nested := range engines() {
		for _, sql := range []string{
			"COMMIT", " commit ;", "\n\tCommit", "-- hi\nCOMMIT", "/* a; b */ COMMIT", ";;COMMIT", "\ufeffCOMMIT", "\ufeff \ufeff;COMMIT",
			"BEGIN", "BEGIN IMMEDIATE", "END", "END TRANSACTION", "START TRANSACTION", "ABORT", "ROLLBACK",
			"ROLLBACK TRANSACTION", "COMMIT PREPARED 'x'", "PREPARE TRANSACTION 'x'", "ROLLBACK PREPARED 'x'", "COMMIT/**/AND CHAIN",
			"SELECT 1; COMMIT", "SELECT ';'; COMMIT", `SELECT ";"; COMMIT`, "SELECT 1 -- ;\n; COMMIT", "SELECT 1; SELECT 2;",
			"SELECT 1 /* ; */; COMMIT", "SELECT 'it''s'; COMMIT", "SELECT [;]; COMMIT", "SELECT `;`; COMMIT",
			"ATTACH 'x' AS y", "DETACH y", "PRAGMA foreign_keys=off", "VACUUM INTO 'x'", "ROLLBACK TO a; COMMIT",
			`SAVEPOINT U&"a"`, "SAVEPOINT 'a'", "SAVEPOINT", "RELEASE", "ROLLBACK TO", `ROLLBACK TO "a`, `SAVEPOINT "a""b"`,
		} {
			if !isForbidden(sql, nested, false) {
				t.Errorf("%s: %q is let through", engine, sql)
			}
		}
		for _, sql := range []string{
			"", ";", "-- COMMIT", "/* COMMIT */", "SELECT 1", "SELECT 'COMMIT'", "SELECT '; COMMIT'", "SELECT 1 -- ; COMMIT",
			"SELECT 1 /* ; COMMIT */", `SELECT "; COMMIT"`, "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "rollback to savepoint a;",
			"ROLLBACK TRANSACTION TO SAVEPOINT a", "SELECT 1;", "PREPARE x AS SELECT 1", "ENDLESS", "commitment",
			"INSERT INTO t VALUES ('a;b')", "SELECT 'unclosed; COMMIT", "SET LOCAL statement_timeout = 1", "SELECT 1; -- done",
		} {
			if isForbidden(sql, nested, false) {
				t.Errorf("%s: %q is refused", engine, sql)
			}
		}
	}
	if !isForbidden("/* /* */ */ COMMIT", true, false) || !isForbidden("/* /* */ COMMIT", false, false) || !isForbidden("-- a\rCOMMIT", true, false) {
		t.Error("comments are not read as the engines do")
	}
	if isForbidden("DO $$ BEGIN PERFORM 1; END $$", true, false) || !isForbidden("set transaction READ WRITE", true, true) {
		t.Error("Postgres' own statements are not read")
	}
}

func TestSavepointOf(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string][]string{
		"SAVEPOINT a": {"SAVEPOINT", "a"}, "savepoint A ;": {"SAVEPOINT", "a"}, `SAVEPOINT "A b"`: {"SAVEPOINT", "A b"},
		"RELEASE a": {"RELEASE", "a"}, "release savepoint a": {"RELEASE", "a"}, "RELEASE SAVEPOINT savepoint": {"RELEASE", "savepoint"},
		"ROLLBACK TO a": {"ROLLBACK", "a"}, "rollback work to savepoint A;;": {"ROLLBACK", "a"}, "/**/ROLLBACK/**/TO/**/a/**/": {"ROLLBACK", "a"},
		"ROLLBACK TRANSACTION TO a -- b": {"ROLLBACK", "a"}, "ROLLBACK TO SAVEPOINT savepoint": {"ROLLBACK", "savepoint"},
		"ROLLBACK TO order_a": {"ROLLBACK", "order_a"}, "ROLLBACK": {"", ""}, "SELECT 1": {"", ""}, "SAVEPOINT a b": {"SAVEPOINT", ""},
	} {
		if verb, name := savepointOf(sql, true); !slices.Equal([]string{verb, name}, want) {
			t.Errorf("%q: %q %q, want %q", sql, verb, name, want)
		}
	}
	if _, name := savepointOf(`SAVEPOINT "A"`, false); name != "a" {
		t.Errorf("SQLite compares names without case, got %q", name)
	}
}

func FuzzIsForbidden(f *testing.F) {
	f.Add("SELECT ';'; COMMIT", false)
	f.Add("/* /* */ -- '\n [\"`", true)
	f.Fuzz(func(_ *testing.T, sql string, nested bool) { isForbidden(sql, nested, true) })
}
