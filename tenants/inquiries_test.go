package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// gate is a tracer that counts the scopes on the master, which wait until it is open.
type gate struct {
	tenants.Tracer
	open   chan struct{}
	scopes atomic.Int64
}

func (g *gate) Master(ctx context.Context) (context.Context, func(bool)) {
	<-g.open
	g.scopes.Add(1)
	return ctx, nil
}

// TestNamesAreLookedUpTogether: many who ask for names at the same time cost the master few transactions. Each gets the answer of
// its own name. A tenant that is made afterwards with a name that was unknown is found at once.
func TestNamesAreLookedUpTogether(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			at := time.Now().UTC()
			return tx.Create(&tenants.Domain{TenantID: acme.ID, Host: "work.example.com", Challenge: "x", VerifiedAt: &at, CreatedAt: at}).Error
		}))
		_, err := env.Lifecycle.Rename(t.Context(), "Ben", "globex", lifecycle.Rename{To: "later", RedirectDays: 1})
		must(t, err)
		g := &gate{open: make(chan struct{})}
		env.Store.Master().Trace(g)
		var asked sync.WaitGroup
		ask := func(name, id string) {
			asked.Go(func() {
				got, err := env.Store.Lookup(t.Context(), name)
				var moved *tenants.MovedError
				isMoved := errors.As(err, &moved) && moved.Subdomain == "later"
				if id != "" && (err != nil || got.ID != id) || id == "" && !errors.Is(err, tenants.ErrUnknownTenant) || isMoved != (name == "globex") {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			})
		}
		const names = 2000
		for i := range names {
			ask(fmt.Sprintf("x%d", i), "")
			if i == names/2 {
				ask("acme", acme.ID)
				ask("work.example.com", acme.ID)
				ask("later", globex.ID)
				ask("globex", "")
				ask("other.example.com", "")
			}
		}
		for env.Store.NamesWaiting() < names-4*64 { // four questions of 64 names may have begun
			runtime.Gosched()
		}
		close(g.open)
		asked.Wait()
		if n := g.scopes.Load(); n > names/10 {
			t.Errorf("%d names cost %d transactions", names, n)
		}
		made := env.Tenant(t, "x1000")
		ask("x1000", made.ID)
		asked.Wait()
	})
}
