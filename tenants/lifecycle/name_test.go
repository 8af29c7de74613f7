package lifecycle_test

import (
	"errors"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestSetName: it is one line of text, is written down, and is what requests see
// at once; handles stay open.
func TestSetName(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		made := env.Tenant(t, "acme")
		for _, name := range []string{"", " ", "two\nlines", "\x00", "\xff", strings.Repeat("ä", 201)} {
			if _, err := env.Lifecycle.SetName(t.Context(), "ada", "acme", name); !errors.Is(err, lifecycle.ErrInvalidName) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := env.Lifecycle.SetName(t.Context(), "ada", "nobody", "Nobody"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("nobody: %v", err)
		}
		for _, name := range []string{" Acme & Söhne ", "Acme & Söhne", strings.Repeat("ä", 200)} {
			got, err := env.Lifecycle.SetName(t.Context(), "ada", "acme", name)
			if err != nil || got.Name != strings.TrimSpace(name) || got.Epoch != made.Epoch || got.State != tenants.StateActive {
				t.Fatalf("SetName: %+v, %v", got, err)
			}
			awaitNews(t, func() bool {
				seen, err := env.Store.Lookup(t.Context(), "acme")
				return err == nil && seen.Name == got.Name
			})
		}
		story, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: made.ID}, "", 10)
		if err != nil || len(story) != 3 { // the same name a second time is none
			t.Fatalf("%+v, %v", story, err)
		}
		if o := story[1]; o.Kind != tenants.KindSetName || o.By != "ada" || o.State != tenants.OperationDone || !strings.Contains(o.Params, "Acme") {
			t.Errorf("the ledger has %+v", o)
		}
	})
}
