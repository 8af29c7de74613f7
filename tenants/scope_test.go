package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// folders are the names of the tenant's folders, joined.
func folders(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) string {
	t.Helper()
	var names []string
	err := env.Store.View(context.Background(), tenant, func(tx *gorm.DB) error {
		return tx.Model(&notes.Folder{}).Order("id").Pluck("name", &names).Error
	})
	if err != nil {
		t.Error(err)
	}
	return strings.Join(names, " ")
}

func addFolder(tx *gorm.DB, name string) error {
	return tx.Create(&notes.Folder{Name: name}).Error
}

var errOwn = errors.New("the caller's own error")

// TestUpdate holds the commit decision, the same on both engines.
func TestUpdate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		f      func(tx *gorm.DB) error
		want   error // nil: it commits
		stored string
	}{
		{"commits", func(tx *gorm.DB) error { return addFolder(tx, "a") }, nil, "a"},
		{"commits nothing", func(*gorm.DB) error { return nil }, nil, ""},
		{"rolls back on an error", func(tx *gorm.DB) error {
			return errors.Join(addFolder(tx, "a"), errOwn)
		}, errOwn, ""},
		{"refuses the commit after a swallowed failure", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			_ = addFolder(tx, "a")
			return nil
		}, tenants.ErrStatementFailed, ""},
		{"names the cause of the swallowed failure", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			_ = addFolder(tx, "a")
			return nil
		}, gorm.ErrDuplicatedKey, ""},
		{"refuses the commit after swallowed bad SQL", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			tx.Exec("INSERT INTO nowhere VALUES (1)")
			return nil
		}, tenants.ErrStatementFailed, ""},
		{"refuses the commit after a swallowed bad query", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			var n int
			_ = tx.Raw("SELECT nothing FROM nowhere").Row().Scan(&n)
			return nil
		}, tenants.ErrStatementFailed, ""},
		{"runs nothing after a failure", func(tx *gorm.DB) error {
			_ = addFolder(tx, "")
			return addFolder(tx, "a")
		}, tenants.ErrStatementFailed, ""},
		{"a missing record is no failure", func(tx *gorm.DB) error {
			if err := tx.Take(&notes.Folder{}, 42).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
				return fmt.Errorf("got %w", err)
			}
			return addFolder(tx, "a")
		}, nil, "a"},
		{"returns the violation of a key", func(tx *gorm.DB) error {
			return errors.Join(addFolder(tx, "a"), addFolder(tx, "a"))
		}, gorm.ErrDuplicatedKey, ""},
		{"returns the violation of a foreign key", func(tx *gorm.DB) error {
			return tx.Create(&notes.Note{FolderID: 42, Text: "t", Kind: "idea"}).Error
		}, gorm.ErrForeignKeyViolated, ""},
		{"returns the violation of a check", func(tx *gorm.DB) error {
			return addFolder(tx, "")
		}, gorm.ErrCheckConstraintViolated, ""},
		{"keeps the outer work of a rolled-back savepoint", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			_ = tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(addFolder(tx, "b"), addFolder(tx, "a"))
			})
			return addFolder(tx, "c")
		}, nil, "a c"},
		{"keeps the work of a savepoint", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			return tx.Transaction(func(tx *gorm.DB) error { return addFolder(tx, "b") })
		}, nil, "a b"},
		{"refuses the commit after a failure swallowed in a savepoint", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			return tx.Transaction(func(tx *gorm.DB) error { _ = addFolder(tx, "a"); return nil })
		}, tenants.ErrStatementFailed, ""},
		{"refuses a raw COMMIT", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			return tx.Exec("/* now */ commit").Error
		}, tenants.ErrForbiddenStatement, ""},
		{"refuses a raw COMMIT behind another statement", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			return tx.Exec("SELECT ';'; COMMIT; SELECT 1").Error
		}, tenants.ErrForbiddenStatement, ""},
		{"refuses a swallowed raw ROLLBACK", func(tx *gorm.DB) error {
			_ = addFolder(tx, "a")
			var n int
			_ = tx.Raw("ROLLBACK").Row().Scan(&n)
			return nil
		}, tenants.ErrForbiddenStatement, ""},
		{"refuses ATTACH", func(tx *gorm.DB) error {
			return tx.Exec("ATTACH 'other.db' AS other").Error
		}, tenants.ErrForbiddenStatement, ""},
		{"refuses PRAGMA", func(tx *gorm.DB) error {
			return tx.Exec("PRAGMA foreign_keys=off").Error
		}, tenants.ErrForbiddenStatement, ""},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		for i, test := range tests {
			tenant := env.Tenant(t, fmt.Sprintf("t%d", i))
			t.Run(test.name, func(t *testing.T) {
				if err := env.Store.Update(t.Context(), tenant, test.f); !errors.Is(err, test.want) {
					t.Errorf("got error %v, want %v", err, test.want)
				}
				if got := folders(t, env, tenant); got != test.stored {
					t.Errorf("stored %q, want %q", got, test.stored)
				}
				// Whatever came before, the tenant works.
				if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "next") }); err != nil {
					t.Errorf("next scope: %v", err)
				}
			})
		}
	})
}

func TestUpdateRollsBackOnPanic(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		var told error
		func() {
			defer func() {
				if recover() != "own panic" {
					t.Error("the panic did not go on")
				}
			}()
			_ = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				tenants.AfterRollback(tx, func(_ context.Context, err error) { told = err })
				_ = addFolder(tx, "a")
				panic("own panic")
			})
		}()
		if !errors.Is(told, tenants.ErrPanicked) {
			t.Errorf("the hook was told %v", told)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

func TestUpdateRollsBackWhenCancelled(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		ctx, cancel := context.WithCancel(t.Context())
		err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
			err := addFolder(tx, "a")
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// ending is a context that has ended and whose Done is about to be closed.
type ending struct {
	context.Context
	ended atomic.Bool
}

func (c *ending) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return nil
}

// TestUpdateLooksAtTheContextItself: database/sql hears of a context's end a
// moment late, and committed what the caller knew to be cancelled.
func TestUpdateLooksAtTheContextItself(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		ctx := &ending{Context: t.Context()}
		err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
			err := addFolder(tx, "a")
			ctx.ended.Store(true)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestErrorsOfRowsAreTranslated: also those of rows that the scope reads without gorm.
func TestErrorsOfRowsAreTranslated(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		add := func(tx *gorm.DB) error {
			var id int64
			const insert = "INSERT INTO folders (name, remark, created_at, updated_at) VALUES ('a', '', ?, ?) RETURNING id"
			return tx.Raw(insert, time.Now(), time.Now()).Row().Scan(&id)
		}
		if err := env.Store.Update(t.Context(), tenant, add); err != nil {
			t.Fatal(err)
		}
		if err := env.Store.Update(t.Context(), tenant, add); !errors.Is(err, gorm.ErrDuplicatedKey) {
			t.Errorf("the same name again: %v", err)
		}
	})
}

func TestUpdateFailsAtCommit(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: deferredSchema()})
			tenant := env.Tenant(t, "acme")
			var rolledBack, committed bool
			err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				tenants.AfterCommit(tx, func(context.Context) { committed = true })
				tenants.AfterRollback(tx, func(context.Context, error) { rolledBack = true })
				return tx.Exec("INSERT INTO children (parent_id) VALUES (42)").Error
			})
			if !errors.Is(err, tenants.ErrCommitFailed) || !errors.Is(err, gorm.ErrForeignKeyViolated) {
				t.Errorf("got %v", err)
			}
			if committed || !rolledBack {
				t.Errorf("hooks: after commit %v, after rollback %v", committed, rolledBack)
			}
			err = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				var n int64
				if err := tx.Table("children").Count(&n).Error; err != nil || n != 0 {
					t.Errorf("%d rows are stored, error %v", n, err)
				}
				return nil
			})
			if err != nil {
				t.Errorf("next scope: %v", err)
			}
		})
	}
}

func TestViewIsReadOnly(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") })
		if !errors.Is(err, tenants.ErrReadOnly) {
			t.Errorf("got %v", err)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestViewSeesOneState holds that a View is a snapshot on SQLite, and that it
// does not wait for a writer on either engine.
func TestViewReadsBesideAnUpdate(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			if err := addFolder(tx, "a"); err != nil {
				return err
			}
			if got := folders(t, env, tenant); got != "" {
				t.Errorf("a View sees %q before the commit", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestNestedScopeIsRefused(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			return env.Store.View(tx.Statement.Context, tenant, func(*gorm.DB) error { return nil })
		})
		if !errors.Is(err, tenants.ErrNestedScope) {
			t.Errorf("got %v", err)
		}
	})
}

func TestHooks(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		var said []string
		say := func(tx *gorm.DB, what string) {
			tenants.AfterCommit(tx, func(context.Context) { said = append(said, "commit "+what) })
			tenants.AfterRollback(tx, func(context.Context, error) { said = append(said, "rollback "+what) })
		}
		run := func(result error) {
			_ = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
				say(tx, "1")
				_ = tx.Transaction(func(tx *gorm.DB) error { say(tx, "undone"); return errOwn })
				_ = tx.Transaction(func(tx *gorm.DB) error { say(tx, "2"); return nil })
				tenants.AfterCommit(tx, func(context.Context) { panic("a hook's panic is logged") })
				say(tx, "3")
				return result
			})
		}
		run(nil)
		run(errOwn)
		want := "commit 1, commit 2, commit 3, rollback 1, rollback 2, rollback 3"
		if got := strings.Join(said, ", "); got != want {
			t.Errorf("hooks said %q, want %q", got, want)
		}
	})
}

// TestHookWritesAfterRollback is the way of what must survive a refused
// request, with one handle and one writer, and a caller who has gone.
func TestHookWritesAfterRollback(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 1})
			tenant := env.Tenant(t, "acme")
			ctx, cancel := context.WithCancel(t.Context())
			err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
				tenants.AfterRollback(tx, func(ctx context.Context, _ error) {
					err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error { return addFolder(tx, "counted") })
					if err != nil {
						t.Error(err)
					}
				})
				cancel()
				return errOwn
			})
			if !errors.Is(err, errOwn) {
				t.Errorf("got %v", err)
			}
			if got := folders(t, env, tenant); got != "counted" {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// TestReadThenWrite: a deferred transaction would fail here with SQLITE_BUSY
// (PITFALLS, SQLite: 9% of the time).
func TestReadThenWrite(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "0") }); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for range 20 {
					if err := env.Store.Update(t.Context(), tenant, readThenWrite); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if got := folders(t, env, tenant); got != "320" {
			t.Errorf("counted to %s, want 320", got)
		}
	})
}

// readThenWrite adds one to the number that is the first folder's name.
func readThenWrite(tx *gorm.DB) error {
	query := tx
	if tx.Name() == "postgres" {
		query = tx.Raw("SELECT * FROM folders LIMIT 1 FOR UPDATE")
	} else {
		query = tx.Raw("SELECT * FROM folders LIMIT 1")
	}
	var folder notes.Folder
	if err := query.Scan(&folder).Error; err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscan(folder.Name, &n); err != nil {
		return err
	}
	return tx.Model(&folder).Update("name", fmt.Sprint(n+1)).Error
}
