package account_test

import (
	"net/http"
	"strings"
	"testing"

	"tenantry/app"
	"tenantry/app/apptest"
	"tenantry/tenants/lifecycle"
)

// TestRenameIsInTheActivity: people find there that their address has changed, once for each time.
func TestRenameIsInTheActivity(t *testing.T) {
	t.Parallel()
	apptest.Each(t, app.Options{}, func(t *testing.T, a *apptest.App) {
		for _, names := range [][2]string{{apptest.Subdomain, "globex"}, {"globex", apptest.Subdomain}} {
			if _, err := a.Manager().Rename(t.Context(), "ada", names[0], lifecycle.Rename{To: names[1]}); err != nil {
				t.Fatal(err)
			}
		}
		body := a.Expect(t, http.MethodGet, "/api/activity", "", http.StatusOK, "from the address “acme” to “globex”", "from the address “globex” to “acme”")
		if count := strings.Count(body, "tenant.renamed"); count != 2 {
			t.Errorf("%d entries: %s", count, body)
		}
		a.Expect(t, http.MethodGet, "/activity", "", http.StatusOK, "moved the workspace from the address")
	})
}
