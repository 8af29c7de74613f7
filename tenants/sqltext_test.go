package tenants

import "testing"

func TestIsForbidden(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"COMMIT", " commit ;", "\n\tCommit", "-- hi\nCOMMIT", "/* a; b */ COMMIT", ";;COMMIT", "\ufeffCOMMIT",
		"BEGIN", "BEGIN IMMEDIATE", "END", "END TRANSACTION", "START TRANSACTION", "ABORT", "ROLLBACK",
		"ROLLBACK TRANSACTION", "COMMIT PREPARED 'x'", "PREPARE TRANSACTION 'x'",
		"SELECT 1; COMMIT", "SELECT ';'; COMMIT", `SELECT ";"; COMMIT`, "SELECT 1 -- ;\n; COMMIT",
		"SELECT 1 /* ; */; COMMIT", "SELECT 'it''s'; COMMIT", "SELECT [;]; COMMIT", "SELECT `;`; COMMIT",
		"ATTACH 'x' AS y", "DETACH y", "PRAGMA foreign_keys=off", "VACUUM INTO 'x'", "ROLLBACK TO a; COMMIT",
	} {
		if !isForbidden(sql) {
			t.Errorf("%q is let through", sql)
		}
	}
	for _, sql := range []string{
		"", ";", "-- COMMIT", "/* COMMIT */", "SELECT 1", "SELECT 'COMMIT'", "SELECT '; COMMIT'", "SELECT 1 -- ; COMMIT",
		"SELECT 1 /* ; COMMIT */", `SELECT "; COMMIT"`, "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "rollback to savepoint a",
		"ROLLBACK TRANSACTION TO SAVEPOINT a", "SELECT 1; SELECT 2;", "PREPARE x AS SELECT 1", "ENDLESS", "commitment",
		"INSERT INTO t VALUES ('a;b')", "SELECT 'unclosed; COMMIT",
	} {
		if isForbidden(sql) {
			t.Errorf("%q is refused", sql)
		}
	}
}

func FuzzIsForbidden(f *testing.F) {
	f.Add("SELECT ';'; COMMIT")
	f.Add("/* /* */ -- '\n [\"`")
	f.Fuzz(func(_ *testing.T, sql string) { isForbidden(sql) })
}
