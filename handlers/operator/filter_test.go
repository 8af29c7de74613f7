package operator_test

import (
	"slices"
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestListsAreFiltered: each parameter narrows, and bad values name what would be
// right.
func TestListsAreFiltered(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		acme := env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		if _, err := env.Lifecycle.Suspend(t.Context(), "Ben & Co", "globex"); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"": "acme globex", "state=suspended": "globex", "state=archived": "", "server=default": "acme globex", "q=GLO": "globex", "q=" + acme.ID: "acme",
			"q=zzz": "", "state=active&server=default&q=a&limit=1": "acme", "schema_version=1000": "", "q=": "acme globex", "after=acme": "globex",
			"after=" + tenants.PurgedSubdomain(acme.ID): "",
		} {
			var got []string
			for _, one := range decoded[document.List[document.Tenant]](t, s.as("x", "GET", "/api/tenants?"+query, "")).Items {
				got = append(got, one.Subdomain)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
		for query, want := range map[string][]string{
			"kind=suspend": {"globex"}, "by=Ben+%26+Co": {"globex"}, "tenant=acme": {"acme"}, "state=done&kind=create": {"globex", "acme"},
			"until=2020-01-01": nil, "since=2020-01-01T00:00:00Z&kind=suspend": {"globex"}, "state=failed": nil,
		} {
			var got []string
			for _, one := range decoded[document.List[document.Operation]](t, s.as("x", "GET", "/api/operations?"+query, "")).Items {
				got = append(got, one.Subdomain)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
		for path, want := range map[string]string{
			"tenants?state=nonsense": "must be one of: active, ", "tenants?server=nowhere": "must be one of: default", "tenants?schema_version=x": "whole number",
			"operations?kind=x": "must be one of: create, ", "operations?state=active": "must be one of: running, ", "operations?since=yesterday": "must be a time such as",
			"tenants?state=": "must not be empty", "tenants?server": "must not be empty", "tenants?schema_version=": "must not be empty", "tenants?after=": "must not be empty",
			"tenants?schema_version=01": "whole number", "tenants?schema_version=%2B1": "whole number", "tenants?schema_version=0": "whole number",
			"tenants?after=Acme": "next of an earlier page", "tenants?after=a.b": "next of an earlier page", "operations?after=x": "next of an earlier page",
			"operations?after=" + strings.ToUpper(acme.ID): "next of an earlier page", "operations?after=": "must not be empty", "operations?tenant=": "must not be empty",
			"operations?kind=": "must not be empty", "operations?by=": "must not be empty", "operations?since=": "must not be empty", "operations?unfinished": "must not be empty",
			"operations?until=0001-01-01": "must be a time such as", "operations?until=0001-01-01T00:00:00Z": "must be a time such as", "operations?since=0000-01-01": "must be a time such as",
			"top?sort=name": "must be one of: requests, ", "top?sort=": "must be one of", "top?limit=0": "from 1 to 200", "top?limit=x": "from 1 to 200",
			"operations?tenant=nobody": "is not the subdomain or id", "operations?unfinished=1": "must be one of: true, false",
		} {
			if w := s.as("x", "GET", "/api/"+path, ""); w.Code != 422 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// TestFaultsDontNameTheirField: the field stands beside the message.
func TestFaultsDontNameTheirField(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		env.Tenant(t, "acme")
		w := s.as("x", "PATCH", "/api/tenants/acme", `{"name":"\u200b"}`)
		if want := `{"field":"name","message":"must be valid text`; w.Code != 422 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s, want %s", w.Code, w.Body, want)
		}
	})
}
