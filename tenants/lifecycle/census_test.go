package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

func TestCensus(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		empty, err := env.Lifecycle.Census(t.Context())
		if err != nil || len(empty.Groups)+len(empty.Recent) != 0 || len(empty.Instances) != 1 {
			t.Errorf("%+v, %v", empty, err)
		}
		version := env.Engine.SchemaVersion()
		for _, name := range []string{"acme", "globex", "initech"} {
			env.Tenant(t, name)
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "Ada", "globex"); err != nil {
			t.Fatal(err)
		}
		got, err := env.Lifecycle.Census(t.Context())
		want := []lifecycle.Group{{tenants.StateActive, "default", version, 2},
			{tenants.StateSuspended, "default", version, 1}}
		if err != nil || !slices.Equal(got.Groups, want) || got.Unfinished != 0 || len(got.Recent) != 4 ||
			got.Recent[0].Kind != tenants.KindSuspend {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		for subdomain, name := range map[string]string{
			"acme": "Acme Joinery", "globex": "Globex 100% Architects", "initech": "Initech_Software",
			"umbrella": `The A\B Company`,
		} {
			if _, err := env.Lifecycle.Create(t.Context(),
				lifecycle.NewTenant{Subdomain: subdomain, Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "Ada", "globex"); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			search lifecycle.Search
			want   string
		}{
			{lifecycle.Search{}, "acme globex initech umbrella"},
			{lifecycle.Search{Text: "e"}, "acme globex initech umbrella"},
			{lifecycle.Search{Text: "CM"}, "acme"},
			{lifecycle.Search{Text: "software"}, "initech"},
			{lifecycle.Search{Text: "%"}, "globex"},
			{lifecycle.Search{Text: "_"}, "initech"},
			{lifecycle.Search{Text: `\`}, "umbrella"},
			{lifecycle.Search{Text: "' OR 1=1 --"}, ""},
			{lifecycle.Search{State: tenants.StateSuspended}, "globex"},
			{lifecycle.Search{Text: "acme", State: tenants.StateSuspended}, ""},
			{lifecycle.Search{Server: "elsewhere"}, ""},
			{lifecycle.Search{Server: "default", State: tenants.StateActive}, "acme initech umbrella"},
		} {
			var names []string
			for after := ""; ; {
				page, next, err := env.Lifecycle.Find(t.Context(), test.search, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, tenant := range page {
					names = append(names, tenant.Subdomain)
				}
				if after = next; after == "" {
					break
				}
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("%+v finds %q, want %q", test.search, got, test.want)
			}
		}
	})
}
