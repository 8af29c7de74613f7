package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestEachLeavesWarmTenantsOpen reads many cold tenants beside as many warm ones as there are slots.
func TestEachLeavesWarmTenantsOpen(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 3}, func(t *testing.T, env *tenantstest.Env) {
		const warm, all = 3, 15
		made := []*tenants.Tenant{}
		for i := range all {
			made = append(made, env.Tenant(t, fmt.Sprintf("acme-%02d", i)))
		}
		nothing := func(*gorm.DB) error { return nil }
		for _, tenant := range made[all-warm:] {
			if err := env.Store.View(t.Context(), tenant, nothing); err != nil {
				t.Fatal(err)
			}
		}
		before := env.Store.Load()
		var seen atomic.Int64
		reach, err := env.Store.Each(t.Context(), tenants.Filter{}, tenants.EachOptions{Parallel: 3}, func(_ *tenants.Tenant, tx *gorm.DB) error {
			seen.Add(1)
			var n int64
			return tx.Model(&notes.Folder{}).Count(&n).Error
		})
		if err != nil || reach != (tenants.Reach{Answered: all}) || seen.Load() != all {
			t.Errorf("%+v, %d, %v", reach, seen.Load(), err)
		}
		for _, tenant := range made[all-warm:] {
			if err := env.Store.View(t.Context(), tenant, nothing); err != nil {
				t.Fatal(err)
			}
		}
		after := env.Store.Load()
		if opened := after.Opened - before.Opened; after.Evicted != before.Evicted || after.Open != warm || opened != all-warm {
			t.Errorf("%+v, then %+v", before, after)
		}
	})
}

// TestEachReadsOnly: writes fail, and the others are visited all the same.
func TestEachReadsOnly(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		for _, name := range []string{"acme", "globex", "initech"} {
			env.Tenant(t, name)
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "initech"); err != nil {
			t.Fatal(err)
		}
		var failed atomic.Value
		o := tenants.EachOptions{Failed: func(t *tenants.Tenant, err error) { failed.Store(fmt.Errorf("%s: %w", t.Subdomain, err)) }}
		reach, err := env.Store.Each(t.Context(), tenants.Filter{}, o, func(tenant *tenants.Tenant, tx *gorm.DB) error {
			if tenant.Subdomain == "acme" {
				return tx.Create(&notes.Folder{Name: "Office"}).Error
			}
			return nil
		})
		if err != nil || reach != (tenants.Reach{Answered: 2, Failed: 1}) || reach.IsWhole() {
			t.Errorf("%+v, %v", reach, err)
		}
		if got, _ := failed.Load().(error); !errors.Is(got, tenants.ErrReadOnly) {
			t.Errorf("failed: %v", got)
		}
		reach, err = env.Store.Each(t.Context(), tenants.Filter{State: tenants.StateSuspended}, o, func(*tenants.Tenant, *gorm.DB) error { return nil })
		if err != nil || reach != (tenants.Reach{Answered: 1}) {
			t.Errorf("suspended: %+v, %v", reach, err)
		}
		reach, err = env.Store.Each(t.Context(), tenants.Filter{Labels: map[string]string{"zone": "nowhere"}}, o, func(*tenants.Tenant, *gorm.DB) error { return nil })
		if err != nil || reach != (tenants.Reach{}) {
			t.Errorf("labelled: %+v, %v", reach, err)
		}
	})
}

// TestEachWrites: what f did for a tenant is stored if it succeeded there, also for suspended tenants, and only for those
// that were selected.
func TestEachWrites(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 1}, func(t *testing.T, env *tenantstest.Env) {
		names := []string{"acme", "globex", "hooli", "initech", "umbrella"}
		for _, name := range names {
			env.Tenant(t, name)
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "initech"); err != nil {
			t.Fatal(err)
		}
		var hooks atomic.Int64
		add := func(tenant *tenants.Tenant, tx *gorm.DB) error {
			tenants.AfterCommit(tx, func(context.Context) { hooks.Add(1) })
			if err := addFolder(tx, "Office"); err != nil || tenant.Subdomain != "globex" {
				return err
			}
			return errOwn
		}
		filter := tenants.Filter{Subdomains: append(names[:4:4], "nobody"), Except: []string{"hooli"}}
		reach, err := env.Store.Each(t.Context(), filter, tenants.EachOptions{Write: true}, add)
		if err != nil || reach != (tenants.Reach{Answered: 2, Failed: 1}) || hooks.Load() != 2 {
			t.Errorf("%+v, %d hooks, %v", reach, hooks.Load(), err)
		}
		var stored sync.Map
		_, err = env.Store.Each(t.Context(), tenants.Filter{}, tenants.EachOptions{}, func(tenant *tenants.Tenant, tx *gorm.DB) error {
			var n int64
			err := tx.Model(&notes.Folder{}).Count(&n).Error
			stored.Store(tenant.Subdomain, n)
			return err
		})
		for name, want := range map[string]int64{"acme": 1, "globex": 0, "hooli": 0, "initech": 1, "umbrella": 0} {
			if got, _ := stored.Load(name); got != want || err != nil {
				t.Errorf("%s has %v folders, want %d, %v", name, got, want, err)
			}
		}
	})
}

// TestEachEndsInTime: when the context ends, the tenant that is being visited has failed because of that, and those that
// remain, also the next one, which waits for its turn, are not reached.
func TestEachEndsInTime(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	for i := range 6 {
		env.Tenant(t, fmt.Sprintf("acme-%d", i))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	errLate := errors.New("it is late")
	var told []string
	o := tenants.EachOptions{Parallel: 1, Failed: func(tenant *tenants.Tenant, err error) {
		if told = append(told, tenant.Subdomain); !errors.Is(err, errLate) {
			t.Errorf("%s: %v", tenant.Subdomain, err)
		}
	}}
	reach, err := env.Store.Each(ctx, tenants.Filter{}, o, func(tenant *tenants.Tenant, tx *gorm.DB) error {
		if tenant.Subdomain == "acme-1" {
			cancel(errLate)
			<-tx.Statement.Context.Done()
		}
		return nil
	})
	if err != nil || reach != (tenants.Reach{Answered: 1, Failed: 1, NotReached: 4}) || !slices.Equal(told, []string{"acme-1"}) {
		t.Errorf("%+v, %v, told of %q", reach, err, told)
	}
	reach, err = env.Store.Each(t.Context(), tenants.Filter{}, tenants.EachOptions{Timeout: time.Millisecond}, func(_ *tenants.Tenant, tx *gorm.DB) error {
		<-tx.Statement.Context.Done()
		return nil
	})
	if err != nil || reach != (tenants.Reach{Failed: 6}) {
		t.Errorf("each tenant takes too long: %+v, %v", reach, err)
	}
}

// TestOperationsWaitForEach suspends a tenant that Each has opened. Requests of the tenant are served meanwhile.
func TestOperationsWaitForEach(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 2}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		suspended := make(chan error, 1)
		reach, err := env.Store.Each(t.Context(), tenants.Filter{}, tenants.EachOptions{}, func(*tenants.Tenant, *gorm.DB) error {
			done := make(chan error)
			go func() { done <- env.Store.View(context.Background(), acme, func(*gorm.DB) error { return nil }) }()
			if err := <-done; err != nil {
				return fmt.Errorf("a request beside it: %w", err)
			}
			begun := make(chan struct{})
			go func() {
				close(begun)
				_, err := env.Lifecycle.Suspend(context.Background(), "ada", "acme")
				suspended <- err
			}()
			<-begun
			for !errors.Is(lookedUp(env, "acme"), tenants.ErrSuspended) {
				if context.Cause(t.Context()) != nil {
					return errors.New("the test has ended")
				}
			}
			select {
			case err := <-suspended:
				return fmt.Errorf("it did not wait: %w", err)
			default:
				return nil
			}
		})
		if err := errors.Join(err, <-suspended); err != nil || reach.Answered != 1 {
			t.Errorf("%+v, %v", reach, err)
		}
		if load := env.Store.Load(); load.Open != 0 {
			t.Errorf("%+v", load)
		}
	})
}

func lookedUp(env *tenantstest.Env, subdomain string) error {
	_, err := env.Store.Lookup(context.Background(), subdomain)
	return err
}

// TestEachLeavesProcessors: while another tenant is used, Each visits as many SQLite tenants at once as one tenant may have scopes.
func TestEachLeavesProcessors(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	busy := env.Tenant(t, "busy")
	for i := range 20 {
		env.Tenant(t, fmt.Sprint("t", i))
	}
	stop := readAll(1, func() { folders(t, env, busy) })
	defer stop()
	most := max(1, runtime.GOMAXPROCS(0)/2)
	var inside, crowded atomic.Int64
	reach, err := env.Store.Each(t.Context(), tenants.Filter{}, tenants.EachOptions{Parallel: 4 * most}, func(*tenants.Tenant, *gorm.DB) error {
		defer inside.Add(-1)
		inside.Add(1)
		time.Sleep(3 * time.Millisecond) // others may come
		if inside.Load() > int64(most) {
			crowded.Add(1)
		}
		return nil
	})
	if err != nil || !reach.IsWhole() {
		t.Fatalf("%+v, %v", reach, err)
	}
	if crowded.Load() > int64(reach.Answered/2) { // a few turns last too long on a machine that is busy
		t.Errorf("%d of %d visits were more than %d at once", crowded.Load(), reach.Answered, most)
	}
}
