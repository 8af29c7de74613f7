package lifecycle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestErrorsNameSubdomains refuses operations on a tenant that is given by its id, as those over many tenants do, because of its
// state, of another operation, or of a server. The errors name it by its subdomain, as people know it.
func TestErrorsNameSubdomains(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := env.Lifecycle
		purged := env.Tenant(t, "hooli")
		for _, err := range []error{errorOf(m.Archive(t.Context(), "ada", "hooli")), errorOf(m.Purge(t.Context(), "ada", "hooli", time.Hour))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		stuckOne := env.Tenant(t, "acme")
		if err := errorOf(m.Archive(t.Context(), "ada", "acme")); err != nil {
			t.Fatal(err)
		}
		if err := errorOf(managerOver(t, env, stuck{env.Engine}).Purge(t.Context(), "ada", "acme", time.Hour)); !errors.Is(err, errStuck) {
			t.Fatal(err)
		}
		for _, tenant := range []*tenants.Tenant{purged, stuckOne, env.Tenant(t, "globex")} {
			for name, do := range map[string]func(id string) error{
				"suspend": func(id string) error { return errorOf(m.Suspend(t.Context(), "ada", id)) },
				"purge":   func(id string) error { return errorOf(m.Purge(t.Context(), "ada", id, time.Hour)) },
				"move":    func(id string) error { return errorOf(m.Move(t.Context(), "ada", id, "nowhere")) },
				"rename": func(id string) error {
					return errorOf(m.Rename(t.Context(), "ada", id, lifecycle.Rename{To: "initech"}))
				},
				"admin": func(id string) error {
					return m.AddAdmin(t.Context(), "ada", tenants.KindAdmin, id, "ada@acme.example", nil)
				},
				"domain": func(id string) error { return errorOf(m.AddDomain(t.Context(), "ada", id, "www.localhost", false)) },
				"client": func(id string) error { return errorOf(m.Client(t.Context(), id, false)) },
				"shell":  func(id string) error { return m.Shell(t.Context(), "ada", id, true, nil) },
				"close": func(id string) error {
					return errorOf(m.SetMaintenance(t.Context(), "ada", id, lifecycle.Maintenance{On: true}))
				},
				"make empty": func(id string) error { return errorOf(m.MakeEmpty(t.Context(), "ada", id)) },
				"cancel":     func(id string) error { return errorOf(m.Cancel(t.Context(), "ada", id)) },
			} {
				if tenant.Subdomain == "globex" && name != "move" && name != "purge" && name != "cancel" || tenant == stuckOne && name == "cancel" {
					continue // it would be done
				}
				if err := do(tenant.ID); err != nil && strings.Contains(fmt.Sprint(err), `"`+tenant.ID) {
					t.Errorf("%s of %s: %v", name, tenant.Subdomain, err)
				}
			}
		}
	})
}
