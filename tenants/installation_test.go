package tenants_test

import (
	"sync"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestInstallation: processes that ask at the same moment get one id, which stays.
func TestInstallation(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		other := tenantstest.Join(t, env.Address(t), tenantstest.Options{})
		var asking sync.WaitGroup
		got := make(chan string, 8)
		for i := range cap(got) {
			asking.Go(func() {
				id, err := []*tenants.Store{env.Store, other.Store}[i%2].Master().Installation(t.Context())
				if err != nil {
					t.Error(err)
				}
				got <- id
			})
		}
		asking.Wait()
		close(got)
		first, err := env.Store.Master().Installation(t.Context())
		must(t, err)
		for id := range got {
			if id != first || len(id) != 26 {
				t.Errorf("got %q and %q", id, first)
			}
		}
	})
}
