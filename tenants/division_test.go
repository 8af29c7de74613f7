package tenants_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// connections returns how many connections a store's process has and may have.
func connections(env *tenantstest.Env) (used, limit int) {
	c := env.Engine.(tenants.Budgeted).Connections()
	return c.Used, c.Limit
}

// awaitParts waits until the two processes' limits are as wanted, and checks that they have no more connections
// together than the server allows meanwhile.
func awaitParts(t *testing.T, what string, one, other *tenantstest.Env, isDone func(one, other int) bool) {
	t.Helper()
	allowed := one.Engine.(tenants.Divided).MaxConnections(2)
	limits := func() [2]int {
		used, limit := connections(one)
		otherUsed, otherLimit := connections(other)
		if used+otherUsed > allowed {
			t.Fatalf("%s: %d and %d connections are more than %d", what, used, otherUsed, allowed)
		}
		return [2]int{limit, otherLimit}
	}
	wait.For(t, "limits: "+what, limits, func(l [2]int) bool { return isDone(l[0], l[1]) })
}

// TestProcessesDivideConnections: the first of two processes has all but a few; the second one gets what it needs
// for a start at once, the busy one of them gets more, and what a process had comes back when it has left.
func TestProcessesDivideConnections(t *testing.T) {
	t.Parallel()
	eachPlacement(t, "", testProcessesDivideConnections)
}

func testProcessesDivideConnections(t *testing.T, engine tenantstest.Engine) {
	options := tenantstest.Options{Engine: engine, InstanceTTL: 3 * time.Second, MaxOpen: 40}
	env := tenantstest.New(t, options)
	if _, limit := connections(env); limit != 14 {
		t.Errorf("a process alone may have %d connections, want 14 of 16", limit)
	}
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	other := env.Beside(t, options)
	if _, limit := connections(other); limit < 1 {
		t.Error("a new process may have no connection")
	}
	if err := other.Store.View(t.Context(), acme, func(*gorm.DB) error { return nil }); err != nil {
		t.Error(err)
	}
	awaitParts(t, "idle", env, other, func(one, other int) bool { return one+other == 14 && min(one, other) > 3 })

	stop := occupy(t, other, acme, globex)
	awaitParts(t, "the other is busy", env, other, func(one, other int) bool { return other > one && other >= 8 && one+other == 14 })
	stop()
	if err := other.Store.Close(t.Context()); err != nil {
		t.Error(err)
	}
	awaitParts(t, "the other has left", env, other, func(one, _ int) bool { return one == 14 })
}

// occupy holds as many connections to each tenant's database as one tenant may have.
func occupy(t *testing.T, env *tenantstest.Env, all ...*tenants.Tenant) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var scopes sync.WaitGroup
	for _, tenant := range all {
		for range 4 {
			scopes.Go(func() {
				err := env.Store.View(t.Context(), tenant, func(*gorm.DB) error { <-ctx.Done(); return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	return func() { cancel(); scopes.Wait() }
}
