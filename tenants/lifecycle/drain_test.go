package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// second is another process on env's master, as far as a test can be one.
func second(t *testing.T, env *tenantstest.Env, o tenants.Options) *tenants.Store {
	t.Helper()
	o.Master, o.MaxOpen = env.Store.Master(), 2
	o.Servers = map[string]tenants.Engine{tenants.DefaultServer: env.Engine}
	store, err := tenants.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return store
}

// occupy runs a scope on the tenant until release is called or the scope is
// ended; what it returns comes through done.
func occupy(t *testing.T, store *tenants.Store, tenant *tenants.Tenant) (release func(), done <-chan error) {
	t.Helper()
	leave := make(chan struct{})
	for {
		begun, result := make(chan struct{}), make(chan error, 1)
		go func() {
			result <- store.Update(context.Background(), tenant, func(tx *gorm.DB) error {
				if err := tx.Create(&notes.Folder{Name: "Office"}).Error; err != nil {
					return err
				}
				close(begun)
				select {
				case <-leave:
					return nil
				case <-tx.Statement.Context.Done():
					return tx.Statement.Context.Err()
				}
			})
		}()
		select {
		case <-begun:
			return func() { close(leave) }, result
		case err := <-result:
			if !errors.Is(err, tenants.ErrLapsed) { // a loaded machine may lapse, and joins again
				t.Fatal(err)
			}
		}
	}
}

// TestSuspendWaitsForEveryProcess has a scope run in another process.
func TestSuspendWaitsForEveryProcess(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		other := second(t, env, tenants.Options{})
		release, done := occupy(t, other, tenant)
		suspended := make(chan error, 1)
		go func() {
			_, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme")
			suspended <- err
		}()
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, "acme"), tenants.ErrSuspended) })
		wait.Until(t, "the other process to refuse scopes", func() bool {
			err := other.View(t.Context(), tenant, func(*gorm.DB) error { return nil })
			return errors.Is(err, tenants.ErrSuspended)
		})
		select {
		case err := <-suspended:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		var underWay *lifecycle.UnderWayError
		if _, err := env.Lifecycle.Resume(t.Context(), "bob", "acme"); !errors.As(err, &underWay) || underWay.Operation.By != "ada" {
			t.Errorf("resume meanwhile: %v", err)
		}
		release()
		if err := errors.Join(<-done, <-suspended); err != nil {
			t.Error(err)
		}
		if page := operations(t, env, "acme"); page[0].State != tenants.OperationDone || page[0].Step != "" || page[0].InstanceID != nil {
			t.Errorf("the ledger says %+v", page[0])
		}
	})
}

// TestSuspendEndsScopesAfterItsGrace: what they did is rolled back.
func TestSuspendEndsScopesAfterItsGrace(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, Grace: 50 * time.Millisecond})
			tenant := env.Tenant(t, "acme")
			_, done := occupy(t, env.Store, tenant)
			if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, tenants.ErrMaintenance) {
				t.Errorf("the scope returned %v", err)
			}
			resumed, err := env.Lifecycle.Resume(t.Context(), "ada", "acme")
			if err != nil {
				t.Fatal(err)
			}
			var folders int64
			err = env.Store.View(t.Context(), resumed, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Count(&folders).Error })
			if err != nil || folders != 0 {
				t.Errorf("%d folders, %v", folders, err)
			}
		})
	}
}

// TestScopeOnATenantOfBefore uses a tenant that was looked up before it was
// suspended and resumed: it is looked up again.
func TestScopeOnATenantOfBefore(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		before := env.Tenant(t, "acme")
		work := func() error { return env.Store.Update(t.Context(), before, func(*gorm.DB) error { return nil }) }
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := work(); !errors.Is(err, tenants.ErrSuspended) {
			t.Errorf("while suspended: %v", err)
		}
		if _, err := env.Lifecycle.Resume(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := work(); err != nil {
			t.Errorf("after it was resumed: %v", err)
		}
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := work(); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("archived: %v", err)
		}
	})
}

// TestDeadProcessesAreNotWaitedFor has a row of a process whose lock is free. On
// SQLite the process is known to be dead, on Postgres it may only be cut off.
func TestDeadProcessesAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		dead := tenants.Instance{ID: newULID(), Name: "dead", TTL: time.Millisecond}
		if env.Kind == tenantstest.SQLite {
			if err := os.WriteFile(filepath.Join(env.Dir, "instances", dead.ID+".lock"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&dead).Error })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Error(err)
		}
		if err := env.Store.Master().ClearDead(t.Context()); err != nil {
			t.Error(err)
		}
		var left int64
		err = env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Instance{}).Where("id = ?", dead.ID).Count(&left).Error
		})
		if err != nil || left != 0 {
			t.Errorf("%d rows are left, %v", left, err)
		}
		if env.Kind == tenantstest.SQLite {
			if locks, err := os.ReadDir(filepath.Join(env.Dir, "instances")); err != nil || len(locks) != 1 {
				t.Errorf("locks %v, %v", locks, err)
			}
		}
	})
}

// TestClocksDontDecideWhoLives has the clocks jump both ways while scopes run,
// here and in another process: an operation waits for both.
func TestClocksDontDecideWhoLives(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		for _, jump := range []time.Duration{-24 * time.Hour, time.Hour, 24 * time.Hour} {
			t.Run(fmt.Sprintf("%s %v", engine, jump), func(t *testing.T) {
				t.Parallel()
				var jumped atomic.Int64
				env := tenantstest.New(t, tenantstest.Options{
					Engine: engine, Clock: func() time.Time { return time.Now().Add(time.Duration(jumped.Load())) },
				})
				tenant := env.Tenant(t, "acme")
				other := second(t, env, tenants.Options{})
				releaseHere, here := occupy(t, env.Store, tenant)
				releaseThere, there := look(t, other, tenant)
				jumped.Store(int64(jump))
				// To processes whose clocks didn't jump, and on Postgres, it is as if
				// the heartbeats were so much older or newer.
				err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
					return tx.Model(&tenants.Instance{}).Where("true").Update("expires_at", time.Now().UTC().Add(-jump)).Error
				})
				if err != nil {
					t.Fatal(err)
				}
				suspended := make(chan error, 1)
				go func() {
					_, err := env.Lifecycle.Suspend(context.Background(), "ada", "acme")
					suspended <- err
				}()
				stillWaits := func(after string) {
					select {
					case err := <-suspended:
						t.Errorf("did not wait for a scope %s: %v", after, err)
						suspended <- err
					case <-time.After(300 * time.Millisecond): // it looks each 10 ms
					}
				}
				stillWaits("here and one there")
				releaseHere()
				stillWaits("there")
				releaseThere()
				if err := errors.Join(<-here, <-there, <-suspended); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestOwnScopesAreAlwaysWaitedFor: also by a process that the master has
// forgotten.
func TestOwnScopesAreAlwaysWaitedFor(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, InstanceTTL: 10 * time.Minute})
			release, done := occupy(t, env.Store, env.Tenant(t, "acme"))
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Where("true").Delete(&tenants.Instance{}).Error })
			if err != nil {
				t.Fatal(err)
			}
			suspended := make(chan error, 1)
			go func() {
				_, err := env.Lifecycle.Suspend(context.Background(), "ada", "acme")
				suspended <- err
			}()
			select {
			case err := <-suspended:
				t.Errorf("did not wait: %v", err)
				suspended <- err
			case <-time.After(300 * time.Millisecond):
			}
			release()
			if err := errors.Join(<-done, <-suspended); err != nil {
				t.Error(err)
			}
		})
	}
}

// look is occupy with a View.
func look(t *testing.T, store *tenants.Store, tenant *tenants.Tenant) (release func(), done <-chan error) {
	t.Helper()
	begun, leave, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- store.View(context.Background(), tenant, func(tx *gorm.DB) error {
			close(begun)
			<-leave
			return nil
		})
	}()
	<-begun
	return func() { close(leave) }, result
}

// TestLapsedProcessServesNoTenant keeps the master from renewing the heartbeat
// until the scopes that run have been ended.
func TestLapsedProcessServesNoTenant(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			first := tenantstest.New(t, tenantstest.Options{Engine: engine})
			tenant := first.Tenant(t, "acme") // which may take longer than the next one's TTL
			env := first.Beside(t, tenantstest.Options{InstanceTTL: 3 * time.Second})
			_, done := occupy(t, env.Store, tenant)
			before := env.Store.Process().ID()
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				if env.Kind == tenantstest.Postgres {
					if err := tx.Exec("LOCK TABLE instances").Error; err != nil {
						return err
					}
				}
				if err := <-done; !errors.Is(err, tenants.ErrLapsed) {
					t.Errorf("the scope returned %v", err)
				}
				err := env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil })
				if !errors.Is(err, tenants.ErrLapsed) || !errors.Is(err, tenants.ErrUnavailable) {
					t.Errorf("a new scope returned %v", err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wait.Until(t, "the process to have registered anew", func() bool {
				return env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil }) == nil
			})
			if after := env.Store.Process().ID(); after == before {
				t.Error("it goes on under the name under which it may have been counted dead")
			}
		})
	}
}

// TestInstanceIsRegisteredAsLongAsItLives looks at the master.
func TestInstanceIsRegisteredAsLongAsItLives(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		expires := func(id string) (at time.Time) {
			err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
				return tx.Model(&tenants.Instance{}).Where("id = ?", id).Pluck("expires_at", &at).Error
			})
			if err != nil {
				t.Error(err)
			}
			return at
		}
		store, err := tenants.New(t.Context(), tenants.Options{
			Master: env.Store.Master(), MaxOpen: 1, InstanceTTL: 2 * time.Second,
			Servers: map[string]tenants.Engine{tenants.DefaultServer: env.Engine},
		})
		if err != nil {
			t.Fatal(err)
		}
		id := store.Process().ID()
		first := expires(id)
		wait.Until(t, "a heartbeat", func() bool { return expires(id).After(first) })
		if err := store.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if at := expires(id); !at.IsZero() {
			t.Errorf("still there until %v", at)
		}
	})
}

// TestNoAcknowledgementIsLeft of a process that acknowledges a drain while the
// operation ends: the process that runs it doesn't wait for its own.
func TestNoAcknowledgementIsLeft(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		for range 30 {
			for _, do := range []func(context.Context, lifecycle.Operator, string) (*tenants.Tenant, error){env.Lifecycle.Suspend, env.Lifecycle.Resume} {
				if _, err := do(t.Context(), "ada", "acme"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if left := acknowledgements(t, env); left != 0 {
			t.Errorf("%d acknowledgements are left", left)
		}
	})
}
