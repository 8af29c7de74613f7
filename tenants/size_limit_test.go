package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestAChangedSizeLimitBoundsRunningScopes: on SQLite a scope can't exceed the limit by much, and a limit that
// changes while the database is open counts for the next scope.
func TestAChangedSizeLimitBoundsRunningScopes(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	write := func(n int) error {
		return env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			for i := range n {
				if err := tx.Create(&notes.Folder{Name: fmt.Sprint(i), Remark: strings.Repeat("x", 100_000)}).Error; err != nil {
					return err
				}
			}
			return tx.Where("true").Delete(&notes.Folder{}).Error
		})
	}
	for _, step := range []struct {
		limit   int64
		folders int
		full    bool
	}{{0, 1, false}, {2_000_000, 30, true}, {10_000_000, 1, false}, {1_500_000, 30, true}, {tenants.NoLimit, 30, false}} {
		changed, err := env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{tenants.LimitSize: step.limit})
		if err != nil {
			t.Fatal(err)
		}
		tenant = changed
		if err := write(step.folders); errors.Is(err, tenants.ErrTenantFull) != step.full || !step.full && err != nil {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

// TestSizesInASharedDatabaseAreTheTenants: a tenant in a schema is full of its own rows alone.
func TestSizesInASharedDatabaseAreTheTenants(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Schemas, MaxSize: 1 << 20})
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	noise := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	env.Alter(t, acme, fmt.Sprintf("INSERT INTO folders (name, remark, created_at, updated_at) VALUES ('noise', '%x', now(), now())", noise))
	write := func(ctx context.Context, tenant *tenants.Tenant) error {
		return env.Store.Update(ctx, tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") })
	}
	if err := write(t.Context(), acme); !errors.Is(err, tenants.ErrTenantFull) {
		t.Errorf("a full tenant: %v", err)
	}
	if err := write(tenants.WithReserve(t.Context()), acme); err != nil {
		t.Errorf("a full tenant that deletes: %v", err)
	}
	if err := write(t.Context(), globex); err != nil {
		t.Errorf("its neighbour: %v", err)
	}
	sizes, err := env.Engine.(tenants.Sizer).Sizes(t.Context())
	if one, other := sizes[acme.Database], sizes[globex.Database]; err != nil || one < 1<<20 || other == 0 || other > 1<<20 {
		t.Errorf("the sizes are %d and %d, %v", one, other, err)
	}
}
