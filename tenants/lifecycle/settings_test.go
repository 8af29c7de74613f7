package lifecycle_test

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// preferences are the settings of these tests.
type preferences struct {
	Zone   string   `json:"zone"`
	Plan   string   `json:"plan" enum:"free,team"`
	Seats  int      `json:"seats"`
	Beta   bool     `json:"beta"`
	Topics []string `json:"topics"`
}

func preferenceType() *tenants.SettingsType {
	return tenants.NewSettings(tenants.SettingsOptions[preferences]{
		Defaults: preferences{Zone: "UTC", Plan: "team", Seats: 5, Topics: []string{}},
		Check: func(p preferences) map[string]string {
			if p.Seats < 1 || p.Plan == "free" && p.Seats > 5 {
				return map[string]string{"seats": "must be a number from 1 to 5, or larger in the plan team"}
			}
			return nil
		},
		Limits: func(p preferences) tenants.Limits {
			if p.Plan == "free" {
				return tenants.Limits{Requests: 3, Size: tenants.NoLimit, Weight: 2}
			}
			return tenants.Limits{}
		},
		Zone: func(p preferences) *time.Location { return time.FixedZone(p.Zone, 3600) },
	})
}

// set changes settings as they are typed.
func set(t *testing.T, env *tenantstest.Env, subdomain string, typed map[string]string) (*tenants.Tenant, error) {
	t.Helper()
	return env.Lifecycle.SetSettings(t.Context(), "ada", subdomain, env.Store.ReadSettings(typed))
}

// TestSettings changes settings beside another process, which has them within a second, in a scope. What a newer build has
// stored is kept, and doesn't count here if it isn't right here.
func TestSettings(t *testing.T) {
	t.Parallel()
	o := tenantstest.Options{Settings: preferenceType(), Limits: tenants.Limits{Requests: 9, Size: 1e9}}
	tenantstest.Each(t, o, func(t *testing.T, env *tenantstest.Env) {
		other := env.Beside(t, o)
		acme := env.Tenant(t, "acme")
		standard := preferences{Zone: "UTC", Plan: "team", Seats: 5, Topics: []string{}}
		expectSettings(t, other, standard)
		if got := env.Store.Limits(acme); got.Requests != 9 || got.Size != 1e9 || got.Weight != 1 {
			t.Errorf("limits of the default: %+v", got)
		}
		for _, bad := range []struct {
			typed map[string]string
			want  map[string]string
		}{
			{map[string]string{"seats": "many", "colour": "red", "beta": "yes", "zone": "CET"},
				map[string]string{"seats": "a whole number", "colour": "there are zone, plan, seats, beta, topics", "beta": "true or false"}},
			{map[string]string{"plan": "gold"}, map[string]string{"plan": "one of: free, team"}},
			{map[string]string{"plan": "free", "seats": "6"}, map[string]string{"seats": "from 1 to 5"}},
			{map[string]string{"topics": "a,b"}, map[string]string{"topics": "JSON such as []"}},
			{map[string]string{"zone": strings.Repeat("x", 17<<10)}, nil},
		} {
			_, err := set(t, env, "acme", bad.typed)
			var faults *tenants.SettingsError
			if err == nil || bad.want != nil && !errors.As(err, &faults) {
				t.Fatalf("%v: %v", bad.typed, err)
			}
			for key, want := range bad.want {
				if !strings.Contains(faults.Faults[key], want) || len(faults.Faults) != len(bad.want) {
					t.Errorf("%v: %v, want %v", bad.typed, faults.Faults, bad.want)
				}
			}
		}
		expectSettings(t, env, standard)
		stored := func(text string) {
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				return tx.Model(acme).Update("settings", text).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		stored(`{"colour":"red","plan":"gold","seats":3}`)
		expectSettings(t, other, preferences{Zone: "UTC", Plan: "team", Seats: 3, Topics: []string{}})
		got, err := set(t, env, "acme", map[string]string{"plan": "free", "zone": "CET", "topics": `["a", "b"]`, "seats": "", "beta": "true"})
		if err != nil || got.Settings.String() != `{"beta":true,"colour":"red","plan":"free","topics":["a","b"],"zone":"CET"}` {
			t.Errorf("%s, %v", got.Settings, err)
		}
		expectSettings(t, other, preferences{Zone: "CET", Plan: "free", Seats: 5, Beta: true, Topics: []string{"a", "b"}})
		if got := env.Store.Limits(got); got.Requests != 3 || got.Size != 0 || got.Weight != 2 {
			t.Errorf("limits of the plan: %+v", got)
		}
		limited, err := env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{tenants.LimitRequests: 50, tenants.LimitWeight: 1})
		if err != nil || env.Store.Limits(limited) != (tenants.Limits{Requests: 50, Weight: 1}) {
			t.Errorf("limits of its own beside those of the plan: %+v, %v", env.Store.Limits(limited), err)
		}
		if _, err := set(t, env, "acme", map[string]string{"plan": "free"}); err != nil {
			t.Error(err)
		}
		story, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: acme.ID, Kind: tenants.KindSet}, "", 10)
		if err != nil || len(story) != 1 || !strings.Contains(story[0].Params, `"settings":{"beta":"true","plan":"free","seats":"","topics":"[\"a\",\"b\"]","zone":"CET"}`) {
			t.Errorf("the ledger: %+v, %v", story, err)
		}
	})
}

// expectSettings waits for a scope of acme with these settings.
func expectSettings(t *testing.T, env *tenantstest.Env, want preferences) {
	t.Helper()
	same := func(a, b preferences) bool {
		topics := slices.Equal(a.Topics, b.Topics)
		return topics && a.Zone == b.Zone && a.Plan == b.Plan && a.Seats == b.Seats && a.Beta == b.Beta
	}
	var got preferences
	defer func() {
		if !same(got, want) {
			t.Errorf("the settings are %+v, want %+v", got, want)
		}
	}()
	awaitNews(t, func() bool {
		acme, err := env.Store.Lookup(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		err = env.Store.View(t.Context(), acme, func(tx *gorm.DB) error {
			got = tenants.Settings[preferences](tx)
			if zone := tenants.Zone(tx).String(); zone != got.Zone {
				t.Errorf("the zone is %s beside %+v", zone, got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return same(got, want)
	})
}

// TestSettingsSelectTenants by the value in force, in lists and for Each.
func TestSettingsSelectTenants(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, Settings: preferenceType()}, func(t *testing.T, env *tenantstest.Env) {
		for name, typed := range map[string]map[string]string{
			"acme": {"plan": "free", "zone": "a'b\"<c"}, "globex": {"plan": "team", "beta": "true", "topics": `["x"]`}, "initech": {"zone": "CET"},
		} {
			env.Tenant(t, name)
			if _, err := set(t, env, name, typed); err != nil {
				t.Fatal(err)
			}
		}
		for _, one := range []struct {
			where map[string]string
			want  string
		}{
			{map[string]string{"plan": "free"}, "acme"}, {map[string]string{"plan": "team"}, "globex initech"}, {map[string]string{"plan": ""}, "globex initech"},
			{map[string]string{"zone": "a'b\"<c"}, "acme"}, {map[string]string{"seats": "5"}, "acme globex initech"}, {map[string]string{"seats": "6"}, ""},
			{map[string]string{"beta": "true"}, "globex"}, {map[string]string{"beta": "false", "plan": "team"}, "initech"}, {map[string]string{"topics": `[ "x" ]`}, "globex"},
		} {
			search, err := env.Lifecycle.ReadSearch(t.Context(), lifecycle.TypedSearch{Settings: one.where})
			if err != nil {
				t.Fatal(err)
			}
			page, _, err := env.Lifecycle.Find(t.Context(), search, "", 10)
			var listed, taken, visited []string
			for _, found := range page {
				listed = append(listed, found.Subdomain)
			}
			all, _, listing := env.Lifecycle.List(t.Context(), "", 10)
			for i := range all {
				if search.Takes(&all[i]) {
					taken = append(taken, all[i].Subdomain)
				}
			}
			_, visiting := env.Store.Each(t.Context(), tenants.Filter{Settings: search.Settings}, tenants.EachOptions{Parallel: 1}, func(t *tenants.Tenant, _ *gorm.DB) error {
				visited = append(visited, t.Subdomain)
				return nil
			})
			slices.Sort(visited)
			if err := errors.Join(err, listing, visiting); err != nil {
				t.Fatal(err)
			}
			if got := [3]string{strings.Join(listed, " "), strings.Join(taken, " "), strings.Join(visited, " ")}; got != [3]string{one.want, one.want, one.want} {
				t.Errorf("%v: %q", one.where, got)
			}
		}
		for where, want := range map[string]string{"colour=red": "is not a setting", "plan=gold": "must be one of", "seats=x": "whole number", "beta=1": "true or false"} {
			key, value, _ := strings.Cut(where, "=")
			var bad *lifecycle.FilterError
			if _, err := env.Lifecycle.ReadSearch(t.Context(), lifecycle.TypedSearch{Settings: map[string]string{key: value}}); !errors.As(err, &bad) || !strings.Contains(bad.Message, want) {
				t.Errorf("%s: %v", where, err)
			}
		}
	})
}

// TestSettingsGoAlong with copies, files, moves and restores, and stay at the subdomain in a swap.
func TestSettingsGoAlong(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, Settings: preferenceType()}, func(t *testing.T, env *tenantstest.Env) {
		m, ctx := env.Lifecycle, t.Context()
		env.Tenant(t, "acme")
		if _, err := set(t, env, "acme", map[string]string{"plan": "free", "zone": "CET"}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "acme.db")
		_, cloned := m.Clone(ctx, "ada", "acme", lifecycle.NewTenant{Subdomain: "clone"})
		_, exported := m.Export(ctx, "ada", "acme", lifecycle.Export{Path: file})
		_, made := m.Create(ctx, lifecycle.NewTenant{Subdomain: "file", File: file})
		env.Tenant(t, "other")
		if err := errors.Join(cloned, exported, made); err != nil {
			t.Fatal(err)
		}
		const want = `{"plan":"free","zone":"CET"}`
		expect := func(moment string, wants map[string]string) {
			for name, want := range wants {
				if got, err := m.Get(ctx, name); err != nil || got.Settings.String() != want {
					t.Errorf("%s: settings of %s: %s, %v", moment, name, got.Settings, err)
				}
			}
		}
		all := map[string]string{"acme": want, "clone": want, "file": want, "other": "{}"}
		expect("copies", all)
		_, err := m.Swap(ctx, "ada", "acme", "other")
		_, archived := m.Archive(ctx, "ada", "file")
		if err := errors.Join(err, archived); err != nil {
			t.Fatal(err)
		}
		_, purged := m.Purge(ctx, "ada", "file", time.Hour)
		_, restored := m.Restore(ctx, "ada", "file")
		if err := errors.Join(purged, restored); err != nil {
			t.Fatal(err)
		}
		expect("after a swap and a restore", maps.Clone(all))
	})
}
