package tenants

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestEvictionLeavesOtherTenants: the tenant's names are looked up again, and so
// are those without a tenant; others are answered from memory.
func TestEvictionLeavesOtherTenants(t *testing.T) {
	t.Parallel()
	acme, globex := tenantNamed("acme"), tenantNamed("globex")
	master := &fakeMaster{tenants: map[string]*Tenant{"acme": acme, "work.acme.example": acme, "globex": globex}}
	r := newTestRegistry(t, 10, master)
	names := []string{"acme", "work.acme.example", "globex", "nobody"}
	ask := func() (asked []string) {
		for _, name := range names {
			before := master.asked.Load()
			_, _ = r.lookup(t.Context(), name)
			if master.asked.Load() > before {
				asked = append(asked, name)
			}
		}
		return asked
	}
	for name, test := range map[string]struct {
		forget func()
		want   []string
	}{
		"acme":    {func() { r.evict("acme") }, []string{"acme", "work.acme.example", "nobody"}},
		"globex":  {func() { r.evict("globex") }, []string{"globex", "nobody"}},
		"another": {func() { r.evict("another") }, []string{"nobody"}},
		"all":     {r.flush, names},
	} {
		ask()
		test.forget()
		if got := ask(); !slices.Equal(got, test.want) {
			t.Errorf("%s: asked for %q, want %q", name, got, test.want)
		}
	}
}

// TestEvictionFollowsNames from tenant to tenant, and those that were pushed out.
func TestEvictionFollowsNames(t *testing.T) {
	t.Parallel()
	master := &fakeMaster{tenants: map[string]*Tenant{}}
	r := newTestRegistry(t, 5, master)
	for range 2000 {
		name := fmt.Sprint("name-", rand.N(12))
		switch rand.N(6) {
		case 0:
			master.set(name, tenantNamed(fmt.Sprint("tenant-", rand.N(4))))
			r.evict(fmt.Sprint("tenant-", rand.N(4)))
		case 1:
			master.set(name, nil)
			r.evict(fmt.Sprint("tenant-", rand.N(4)))
		default:
			_, _ = r.lookup(t.Context(), name)
		}
		held := map[string]string{}
		for id, names := range r.names {
			for _, name := range names {
				held[name] += id
			}
		}
		want := map[string]string{}
		for _, name := range r.found.Keys() {
			answer, _ := r.found.Peek(name)
			want[name] = answer.tenant.ID
		}
		if !maps.Equal(held, want) {
			t.Fatalf("the index has %v, and the answers are %v", held, want)
		}
	}
}

// TestNoAnswerOlderThanAnEvictionIsKept: look-ups and changes run at once; once
// a change was told, no look-up gets what was before it, whatever was under way.
func TestNoAnswerOlderThanAnEvictionIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		master := &fakeMaster{took: 3 * time.Millisecond, tenants: map[string]*Tenant{}}
		r := newTestRegistry(t, 10, master)
		var told sync.Map // the epoch that was told of, by name
		var group sync.WaitGroup
		for _, name := range []string{"acme", "globex", "initech"} {
			told.Store(name, int64(0))
			group.Go(func() {
				for epoch := int64(1); epoch <= 200; epoch++ {
					changed := tenantNamed(name)
					changed.Epoch = epoch
					master.set(name, changed)
					time.Sleep(rand.N(time.Millisecond)) // the bubble's clock
					r.evict(name)
					told.Store(name, epoch)
					time.Sleep(rand.N(10 * time.Millisecond))
				}
			})
			for range 4 {
				group.Go(func() {
					for range 1000 {
						least, _ := told.Load(name)
						got, err := r.lookup(t.Context(), name)
						if errors.Is(err, ErrUnknownTenant) { // as at first
							got, err = &Tenant{}, nil
						}
						if err != nil || got.Epoch < least.(int64) {
							t.Errorf("%s: %v, %v after %d was told", name, got, err, least)
						}
						time.Sleep(rand.N(2 * time.Millisecond))
					}
				})
			}
		}
		group.Wait()
	})
}
