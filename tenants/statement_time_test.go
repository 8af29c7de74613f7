package tenants_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// endless returns statements that end only when they are cancelled: a query without a row, a query with rows without
// end, and one that writes. Postgres collects the rows before it sends the first: a client that has gone doesn't
// end it.
func endless(engine tenantstest.Engine) (silent, rows, write string) {
	if engine == tenantstest.SQLite {
		const count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "
		return count + "max(x) AS id FROM c", count + "x AS id FROM c",
			"INSERT INTO folders (name, remark, created_at, updated_at) " + count + "'n' || max(x), '', 0, 0 FROM c"
	}
	return "SELECT 1 AS id FROM pg_sleep(3600)", "SELECT x AS id FROM generate_series(1, 1000000000000) x",
		"INSERT INTO folders (name, remark, created_at, updated_at) SELECT 'n', '', now(), now() FROM pg_sleep(3600)"
}

// changed names a test in which a scope changes the server's limit, which no scope may in a shared database.
const changed = "after the server's limit was changed"

// TestStatementsAreLimitedInTime: whatever way a statement takes, and whatever the scope makes of its failure, the
// scope is rolled back and says why; the next one runs, and so do those of other tenants.
func TestStatementsAreLimitedInTime(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		silent, rows, write := endless(env.Kind)
		env.Tenant(t, "acme")
		globex := env.Tenant(t, "globex")
		tenant, err := env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{
			tenants.LimitStatementTime: int64(50 * time.Millisecond),
		})
		if err != nil {
			t.Fatal(err)
		}
		var folder notes.Folder
		var all []int64
		tests := []struct {
			name string
			f    func(tx *gorm.DB) error
		}{
			{"exec", func(tx *gorm.DB) error { return tx.Exec(write).Error }},
			{"find", func(tx *gorm.DB) error { return tx.Table("(" + silent + ") f").Select("id").Find(&all).Error }},
			{"take", func(tx *gorm.DB) error { return tx.Raw(silent).Take(&folder).Error }},
			{"scan", func(tx *gorm.DB) error { return tx.Raw(silent).Scan(&all).Error }},
			{"rows without end", func(tx *gorm.DB) error { return tx.Raw(rows).Scan(&all).Error }},
			{"row", func(tx *gorm.DB) error { var n int64; return tx.Raw(silent).Row().Scan(&n) }},
			{"rows read one by one", func(tx *gorm.DB) error { return readRows(tx, rows) }},
			{"swallowed", func(tx *gorm.DB) error { tx.Exec(write); return nil }},
			{"turned into another error", func(tx *gorm.DB) error { return errors.Join(tx.Exec(write).Error, errOwn) }},
			{"in a savepoint", func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return tx.Exec(write).Error })
				return addFolder(tx, "b")
			}},
			{"before another statement", func(tx *gorm.DB) error { tx.Exec(write); return addFolder(tx, "b") }},
		}
		if env.Kind == tenantstest.Postgres {
			tests = append(tests, struct {
				name string
				f    func(tx *gorm.DB) error
			}{changed, func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("SET statement_timeout = 0").Error, tx.Exec("SELECT pg_sleep(3600)").Error)
			}})
		}
		for _, test := range tests {
			for kind, scope := range map[string]func(context.Context, *tenants.Tenant, tenants.Func) error{"Update": env.Store.Update, "View": env.Store.View} {
				err := scope(t.Context(), tenant, func(tx *gorm.DB) error {
					if kind == "Update" {
						if err := addFolder(tx, "a"); err != nil {
							return err
						}
					}
					return test.f(tx)
				})
				if test.name == changed && env.Placement == tenants.PlacementSchema && errors.Is(err, tenants.ErrForbiddenStatement) {
					continue
				}
				readOnly := kind == "View" && errors.Is(err, tenants.ErrReadOnly) // refused before it takes any time
				if !errors.Is(err, tenants.ErrStatementTime) && !readOnly || errors.Is(err, tenants.ErrUnavailable) {
					t.Errorf("%s in %s: %v", test.name, kind, err)
				}
			}
		}
		if err := env.Store.Update(t.Context(), globex, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		tenant, err = env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{
			tenants.LimitStatementTime: int64(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
		if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
			t.Errorf("within the limit: %v", err)
		}
		if env.Kind == tenantstest.Postgres {
			expectNoneSleeps(t, env, tenant)
		}
	})
}

// readRows reads rows as a caller of gorm's Rows does.
func readRows(tx *gorm.DB, query string) error {
	rows, err := tx.Raw(query).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// expectNoneSleeps waits until the server has ended the statements that were cancelled.
func expectNoneSleeps(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	running := func() (n int64) {
		must(t, env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
			return tx.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()").Scan(&n).Error
		}))
		return n
	}
	wait.For(t, "the end of the statements that run", running, func(n int64) bool { return n == 0 })
}

// TestTheTimeBetweenStatementsIsTheScopes: the limit is not on what a scope does otherwise.
func TestTheTimeBetweenStatementsIsTheScopes(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Limits: tenants.Limits{StatementTime: 2 * time.Second}}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			var n int64
			if err := errors.Join(addFolder(tx, "a"), tx.Raw("SELECT 1").Scan(&n).Error, tx.Raw("SELECT 1").Row().Scan(&n)); err != nil {
				return err
			}
			time.Sleep(2100 * time.Millisecond) // longer than the limit on a statement, which is what must not count it
			return errors.Join(addFolder(tx, "b"), tx.Take(&notes.Folder{}, "name = 'a'").Error)
		})
		if err != nil {
			t.Error(err)
		}
		if got := folders(t, env, tenant); got != "a b" {
			t.Errorf("stored %q", got)
		}
	})
}
