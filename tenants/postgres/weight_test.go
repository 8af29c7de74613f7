package postgres_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/tenantstest"
)

// TestAChangedWeightIsInForce: the next scope on an open database brings its tenant's weight.
func TestAChangedWeightIsInForce(t *testing.T) {
	t.Parallel()
	for _, engine := range []tenantstest.Engine{tenantstest.Postgres, tenantstest.Schemas} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			testAChangedWeightIsInForce(t, engine)
		})
	}
}

func testAChangedWeightIsInForce(t *testing.T, kind tenantstest.Engine) {
	env := tenantstest.New(t, tenantstest.Options{Engine: kind})
	engine, ok := env.Engine.(*postgres.Engine)
	if !ok {
		t.Fatalf("the engine is a %T", env.Engine)
	}
	env.Tenant(t, "acme")
	view := func(subdomain string) {
		t.Helper()
		tenant, err := env.Store.Lookup(t.Context(), subdomain)
		if err == nil {
			err = env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil })
		}
		if err != nil {
			t.Error(err)
		}
	}
	env.Tenant(t, "globex")
	view("acme")
	view("globex")
	for _, weight := range []int64{7, 0} {
		if _, err := env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{tenants.LimitWeight: weight}); err != nil {
			t.Fatal(err)
		}
		view("acme")
		if got, want := engine.Weights(), []int{1, max(1, int(weight))}; !slices.Equal(got, want) {
			t.Errorf("the weights are %v, want %v", got, want)
		}
	}
}
