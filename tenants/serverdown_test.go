package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// silentEngine is an engine whose server can stop to answer.
type silentEngine struct {
	tenants.Engine
	silent atomic.Bool
	opens  atomic.Int64
}

func (e *silentEngine) Open(ctx context.Context, t *tenants.Tenant) (*tenants.Conns, error) {
	e.opens.Add(1)
	if e.silent.Load() {
		return nil, fmt.Errorf("%w: connection refused", tenants.ErrServerDown)
	}
	return e.Engine.Open(ctx, t)
}

// TestServerThatDoesNotAnswer is asked for a few times, and then once a second until it answers. A tenant whose own
// database is missing doesn't count.
func TestServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, kind tenantstest.Engine) {
		engine := &silentEngine{}
		env := tenantstest.New(t, tenantstest.Options{Engine: kind, Wrap: func(e tenants.Engine) tenants.Engine {
			engine.Engine = e
			return engine
		}})
		acme, globex, lost := env.Tenant(t, "acme"), env.Tenant(t, "globex"), env.Tenant(t, "lost")
		must(t, env.Engine.Drop(t.Context(), lost))
		view := func(tenant *tenants.Tenant) error {
			return env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil })
		}
		for range 5 {
			if err := view(lost); !errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrServerDown) {
				t.Fatalf("a lost database: %v", err)
			}
		}
		engine.silent.Store(true)
		before := engine.opens.Load()
		for range 50 {
			for _, tenant := range []*tenants.Tenant{acme, globex} {
				if err := view(tenant); !errors.Is(err, tenants.ErrServerDown) || !errors.Is(err, tenants.ErrUnavailable) {
					t.Fatalf("while the server is silent: %v", err)
				}
			}
		}
		if asked := engine.opens.Load() - before; asked > 50 {
			t.Errorf("the server was asked %d times for 100 scopes", asked)
		}
		engine.silent.Store(false)
		wait.Until(t, "the tenants to be served again", func() bool { return view(globex) == nil })
		must(t, view(acme))
	})
}
