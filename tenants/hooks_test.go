package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestHookOnAScopeThatIsOver panics whatever became of the scope.
func TestHookOnAScopeThatIsOver(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	for _, result := range []error{nil, errOwn} {
		for name, set := range map[string]func(tx *gorm.DB){
			"AfterCommit":   func(tx *gorm.DB) { tenants.AfterCommit(tx, func(context.Context) {}) },
			"AfterRollback": func(tx *gorm.DB) { tenants.AfterRollback(tx, func(context.Context, error) {}) },
		} {
			var kept *gorm.DB
			_ = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { kept = tx; return result })
			func() {
				defer func() {
					if said := fmt.Sprint(recover()); !strings.Contains(said, "scope that is over") {
						t.Errorf("%s after %v: %s", name, result, said)
					}
				}()
				set(kept)
			}()
		}
	}
}

// TestScopeWithinAScopeByAnotherContext is found where it would wait for itself.
func TestScopeWithinAScopeByAnotherContext(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{MaxOpen: 1})
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	nothing := func(*gorm.DB) error { return nil }
	for name, inner := range map[string]func() error{
		"a turn to write": func() error { return env.Store.Update(context.Background(), acme, nothing) },
		"a handle":        func() error { return env.Store.View(context.Background(), globex, nothing) },
	} {
		if err := env.Store.Update(t.Context(), acme, func(*gorm.DB) error { return inner() }); !errors.Is(err, tenants.ErrNestedScope) {
			t.Errorf("%s: %v", name, err)
		}
	}
	master := env.Store.Master()
	err := master.Update(t.Context(), func(*gorm.DB) error { return master.Update(context.Background(), nothing) })
	if !errors.Is(err, tenants.ErrNestedScope) {
		t.Errorf("in the master: %v", err)
	}
	err = env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
		tenants.AfterCommit(tx, func(context.Context) {
			if err := env.Store.Update(context.Background(), globex, nothing); err != nil {
				t.Errorf("in a hook: %v", err)
			}
		})
		return master.Update(context.Background(), nothing)
	})
	if err != nil {
		t.Errorf("the master's within a tenant's: %v", err)
	}
}
