package tenants_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// TestLimitsHoldForAllProcesses: two processes that serve allow half of each limit, a process that serves nothing
// counts for none, and the whole limit comes back when one has left.
func TestLimitsHoldForAllProcesses(t *testing.T) {
	t.Parallel()
	options := tenantstest.Options{OnePlacement: true, InstanceTTL: 3 * time.Second, Limits: tenants.Limits{Requests: 1000, Concurrency: 4}}
	tenantstest.Each(t, options, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		env.Beside(t, options) // a command
		announce(t, env, "one:1")
		if got := concurrency(t, env, acme); got != 4 {
			t.Errorf("a process alone runs %d scopes at once, want 4", got)
		}
		other := env.Beside(t, options)
		announce(t, other, "two:2")
		wait.Until(t, "the first process to know of the second", func() bool { return concurrency(t, env, acme) == 2 })
		if got := concurrency(t, other, acme); got != 2 {
			t.Errorf("the second process runs %d scopes at once, want 2", got)
		}
		if address, err := env.Store.Master().Serving(t.Context()); err != nil || address != "two:2" {
			t.Errorf("%q serves, %v", address, err)
		}
		begun, admitted := time.Now(), 0
		for _, process := range []*tenantstest.Env{env, other} {
			n := 0
			for ; process.Store.Admit(acme) == nil; n++ {
			}
			if n < 500 {
				t.Errorf("a process admits %d requests at once, want 500", n)
			}
			admitted += n
		}
		if most := 1001 + int(1000*time.Since(begun).Seconds()); admitted > most {
			t.Errorf("%d requests are admitted in %v", admitted, time.Since(begun))
		}
		if err := other.Store.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wait.Until(t, "the first process to have the whole limit", func() bool { return concurrency(t, env, acme) == 4 })
	})
}

func announce(t *testing.T, env *tenantstest.Env, address string) {
	t.Helper()
	if err := env.Store.Process().Announce(t.Context(), address); err != nil {
		t.Fatal(err)
	}
}

// concurrency returns how many scopes of the tenant may run at once.
func concurrency(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (running int) {
	t.Helper()
	release, results := make(chan struct{}), make(chan error, 1)
	var scopes sync.WaitGroup
	defer scopes.Wait()
	defer close(release)
	for {
		scopes.Go(func() {
			err := env.Store.View(t.Context(), tenant, func(*gorm.DB) error { results <- nil; <-release; return nil })
			if err != nil {
				results <- err
			}
		})
		switch err := <-results; {
		case errors.Is(err, tenants.ErrTooManyScopes):
			return running
		case err != nil:
			t.Fatal(err)
		}
		running++
	}
}
