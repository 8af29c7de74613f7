package tenants_test

import (
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest"
)

// TestScopesThatWaitTakeNoTurns: scopes of several tenants wait for something else, and scopes of others go on. What
// they wait for may even be a scope in another goroutine.
func TestScopesThatWaitTakeNoTurns(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		other := env.Tenant(t, "other")
		free := make(chan struct{})
		var waiting, begun sync.WaitGroup
		for i := range 2 {
			tenant := env.Tenant(t, fmt.Sprint("waits", i))
			for range 4 {
				begun.Add(1)
				waiting.Go(func() {
					err := env.Store.View(t.Context(), tenant, func(*gorm.DB) error {
						begun.Done()
						<-free
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		begun.Wait()
		folders(t, env, other)
		close(free)
		waiting.Wait()
	})
}
