package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// endings are texts that would end a transaction, or try to.
func endings() []string {
	return []string{
		"COMMIT", "/* /* */ */ COMMIT", "/* /* */ COMMIT", "-- a\rCOMMIT", ";;\v\fCOMMIT", "END", "COMMIT AND CHAIN", "ROLLBACK",
		`SELECT E'\''; COMMIT; --'`, "SELECT $$'$$; COMMIT; --'", "SELECT $a('); COMMIT; --')", "SELECT 1 AS [']; COMMIT; --']",
		"SELECT 1 AS \"a;\"; COMMIT", "SELECT '\\'; COMMIT; --'", "DO $$ BEGIN COMMIT; END $$", "SELECT 1; COMMIT; BEGIN",
		"COPY folders FROM STDIN", "/**/copy folders to stdout", "INSERT OR ROLLBACK INTO folders SELECT * FROM folders RETURNING id",
		"EXPLAIN ANALYZE SELECT 1; COMMIT", "", ";", "-- nothing", "/* nothing", ";SELECT 1", "\x00COMMIT", "SELECT 1\x00; COMMIT", "SELECT /* ' */ 1; COMMIT -- '", "SELECT U&'\\0027'; COMMIT", "PREPARE TRANSACTION 'x'", "BEGIN; COMMIT",
	}
}

// TestNothingEndsTheTransaction runs each ending in every way that gorm has,
// swallows its error, and then fails: nothing is stored.
func TestNothingEndsTheTransaction(t *testing.T) {
	t.Parallel()
	ways := map[string]func(tx *gorm.DB, sql string){
		"Exec": func(tx *gorm.DB, sql string) { tx.Exec(sql) },
		"Rows": func(tx *gorm.DB, sql string) {
			if rows, err := tx.Raw(sql).Rows(); err == nil {
				for rows.Next() {
				}
				_ = rows.Err()
				_ = rows.Close()
			}
		},
		"Row": func(tx *gorm.DB, sql string) {
			if row := tx.Raw(sql).Row(); row != nil {
				var v any
				_ = row.Scan(&v)
			}
		},
		"option": func(tx *gorm.DB, sql string) { tx.Exec(sql+" -- ?", pgx.QueryExecModeSimpleProtocol) },
		"Commit": func(tx *gorm.DB, sql string) { tx.Exec(sql); tx.Commit() },
		"nested Commit": func(tx *gorm.DB, _ string) {
			_ = tx.Transaction(func(in *gorm.DB) error { return in.Session(&gorm.Session{}).Commit().Error })
		},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		for i, sql := range endings() {
			for way, run := range ways {
				for name, scope := range map[string]func(context.Context, tenants.Func) error{
					"Update": func(ctx context.Context, f tenants.Func) error { return env.Store.Update(ctx, tenant, f) },
					"View":   func(ctx context.Context, f tenants.Func) error { return env.Store.View(ctx, tenant, f) },
				} {
					err := scope(t.Context(), func(tx *gorm.DB) error {
						if name == "Update" {
							_ = addFolder(tx, fmt.Sprintf("%d %s %s", i, way, name))
						}
						run(tx, sql)
						_ = addFolder(tx, fmt.Sprintf("%d %s %s after", i, way, name))
						return errOwn
					})
					if !errors.Is(err, errOwn) {
						t.Errorf("%s of %q: %v", way, sql, err)
					}
				}
			}
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestViewStoresNothing has a View on Postgres made writable.
func TestViewStoresNothing(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		for i, sql := range []string{
			"SET TRANSACTION READ WRITE", "/**/set\ttransaction read write", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
			"SET transaction_read_only = off", "SET LOCAL transaction_read_only = off", "SET SESSION transaction_read_only TO off",
			"SELECT set_config('transaction_read_only', 'off', true)", "SELECT set_config('transaction_read_only', 'off', false)",
			"RESET transaction_read_only", "DO $$ BEGIN SET TRANSACTION READ WRITE; END $$", "PRAGMA query_only = 0",
			"SELECT E'\\''; SET TRANSACTION READ WRITE; --'",
		} {
			_ = env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
				if tx.Exec(sql).Error != nil {
					return nil
				}
				_ = addFolder(tx, fmt.Sprint(i))
				return nil
			})
			if got := folders(t, env, tenant); got != "" {
				t.Fatalf("%q: stored %q", sql, got)
			}
			if err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "next") }); !errors.Is(err, tenants.ErrReadOnly) {
				t.Errorf("after %q: the next View's write: %v", sql, err)
			}
		}
	})
}

// sessionState is what a session on Postgres may carry to its next user.
const sessionState = `SELECT concat_ws(' ',
	(SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings WHERE source = 'session'),
	(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
	(SELECT string_agg(c, ',') FROM pg_listening_channels() c), (SELECT string_agg(name, ',') FROM pg_cursors WHERE is_holdable),
	(SELECT string_agg(name, ',') FROM pg_prepared_statements WHERE from_sql), current_user)`

// TestScopesLeaveNothingInTheSession leaves what a session can hold, once
// committed and once rolled back, and looks from the next scope.
func TestScopesLeaveNothingInTheSession(t *testing.T) {
	t.Parallel()
	eachPlacement(t, "", testScopesLeaveNothingInTheSession)
}

func testScopesLeaveNothingInTheSession(t *testing.T, engine tenantstest.Engine) {
	env := tenantstest.New(t, tenantstest.Options{Engine: engine})
	tenant := env.Tenant(t, "acme")
	look := func(tx *gorm.DB) (state string, err error) { return state, tx.Raw(sessionState).Row().Scan(&state) }
	var fresh string
	if err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) (err error) { fresh, err = look(tx); return err }); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SET statement_timeout = '1h'", "SET SESSION lock_timeout = '1h'", "SELECT set_config('statement_timeout', '1h', false)",
		`SELECT "set_config"('statement_timeout', '1h', false)`, "SELECT set_config /* ( */ ('work_mem', '1MB', false)",
		`SELECT U&"\0073et_config"('work_mem', '1MB', false)`, "SELECT pg_catalog.set_config('work_mem', '1MB', false)",
		"DO $$ BEGIN PERFORM set_config('work_mem', '1MB', false); END $$", "WITH a AS (SELECT pg_advisory_lock(1)) SELECT * FROM a",
		"SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_lock_shared\n(2)", "LISTEN x", "PREPARE p AS SELECT 1",
		"DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SET TIME ZONE 'Asia/Tokyo'", "SET search_path = 'nowhere'", "SET ROLE NONE",
		"UPDATE folders SET name = set_config('work_mem', '2MB', false)", "SELECT 1 WHERE set_config('work_mem', '2MB', false) = ''",
		"SELECT query_to_xml('select set_config(''work_mem'',''1MB'',false)', true, true, '')",
	} {
		for _, result := range []error{nil, errOwn} {
			err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				return errors.Join(tx.Exec(sql).Error, result)
			})
			if shared := env.Placement == tenants.PlacementSchema; shared && err == nil || !shared && !errors.Is(err, result) {
				t.Errorf("%q: %v", sql, err) // a session that tenants share is spared all of them
			}
			err = env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
				state, err := look(tx)
				if state != fresh {
					t.Errorf("%q, then %v: the next scope has %q, a fresh session %q", sql, result, state, fresh)
				}
				return err
			})
			if err != nil {
				t.Fatalf("after %q: %v", sql, err)
			}
		}
	}
}

// TestScopesLeaveNothingInTheConnection is the same for SQLite.
func TestScopesLeaveNothingInTheConnection(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	for _, sql := range []string{
		"CREATE TEMP TABLE leftover (a)", "CREATE TEMPORARY VIEW leftover AS SELECT 1", "CREATE TABLE temp.leftover (a)",
		`/**/create table "temp".leftover (a)`, "CREATE TEMP TRIGGER leftover AFTER INSERT ON folders BEGIN SELECT 1; END",
	} {
		if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Exec(sql).Error }); err != nil && !strings.Contains(sql, "TRIGGER") {
			t.Errorf("%q: %v", sql, err)
		}
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			var n int64
			err := tx.Raw("SELECT count(*) FROM sqlite_temp_master").Scan(&n).Error
			if n != 0 {
				t.Errorf("%q: the next scope has %d things of it", sql, n)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestHooksGoWithTheirSavepoints undoes savepoints in all spellings.
func TestHooksGoWithTheirSavepoints(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ sql, want string }{
		"plain":            {"SAVEPOINT a|+1|ROLLBACK TO a|+2", "2"},
		"a semicolon":      {"SAVEPOINT a|+1|ROLLBACK TO SAVEPOINT a;|+2", "2"},
		"case":             {"SAVEPOINT Abc|+1|rollback to aBC|+2", "2"},
		"quotes":           {`SAVEPOINT "a b"|+1|ROLLBACK TO "a b" ;|+2`, "2"},
		"a comment":        {"SAVEPOINT a|+1|ROLLBACK /* x */ TRANSACTION TO a -- b|+2", "2"},
		"the same ending":  {"SAVEPOINT a|+1|SAVEPOINT order_a|+2|ROLLBACK TO a|+3", "3"},
		"the same ending2": {"SAVEPOINT order_a|+1|SAVEPOINT a|+2|ROLLBACK TO order_a|+3", "3"},
		"the same name":    {"SAVEPOINT a|+1|SAVEPOINT a|+2|ROLLBACK TO a|+3", "1 3"},
		"released":         {"SAVEPOINT a|+1|SAVEPOINT a|+2|RELEASE a|+3|ROLLBACK TO a|+4", "4"},
		"kept":             {"SAVEPOINT a|+1|RELEASE SAVEPOINT a|+2", "1 2"},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		for name, test := range tests {
			var said []string
			err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				for step := range strings.SplitSeq(test.sql, "|") {
					if what, ok := strings.CutPrefix(step, "+"); ok {
						tenants.AfterCommit(tx, func(context.Context) { said = append(said, what) })
					} else if err := tx.Exec(step).Error; err != nil {
						return fmt.Errorf("%s: %w", step, err)
					}
				}
				return nil
			})
			if got := strings.Join(said, " "); err != nil || got != test.want {
				t.Errorf("%s: hooks %q ran, want %q; %v", name, got, test.want, err)
			}
		}
		for _, spelling := range []string{"ROLLBACK TO a", "SAVEPOINT b"} {
			err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("SAVEPOINT a").Error, tx.Raw(spelling).Row().Err())
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s as a query: %v", spelling, err)
			}
		}
	})
}
