package lifecycle_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestFindIsPagedWithEveryFilter goes through the pages of each search, one tenant
// a page: they hold those that the search takes, in order, each once.
func TestFindIsPagedWithEveryFilter(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var all []tenants.Tenant
		for i := range 24 {
			states, name := tenants.States(), fmt.Sprintf("Company_%d%%", i)
			id := fmt.Sprintf("01jd%022d", i)
			all = append(all, tenants.Tenant{
				ID: id, Subdomain: fmt.Sprintf("t%02d", (i*7)%24), Name: name, State: states[i%len(states)], Server: []string{"default", "other"}[i%2],
				Database: id + ".db", SchemaVersion: int64(1 + i%3), Epoch: 1, CreatedBy: "test",
			})
		}
		if err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&all).Error }); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // they have no databases to be dropped
			err := env.Store.Master().Update(context.Background(), func(tx *gorm.DB) error { return tx.Delete(&all).Error })
			if err != nil {
				t.Error(err)
			}
		})
		for _, s := range []lifecycle.Search{
			{}, {Present: true}, {Present: true, State: tenants.StatePurged}, {State: tenants.StateActive}, {Server: "other"}, {SchemaVersion: 2},
			{Text: "COMPANY_1"}, {Text: "%"}, {Text: "_"}, {Text: "t0"}, {Text: all[3].ID}, {Text: `\`},
			{Text: "t", State: tenants.StateSuspended, Server: "other", SchemaVersion: 1}, {Text: "t1", Server: "default", Present: true},
		} {
			var want, got []string
			for i := range all {
				if s.Takes(&all[i]) {
					want = append(want, all[i].Subdomain)
				}
			}
			slices.Sort(want)
			for after, more := "", true; more; more = after != "" {
				page, next, err := env.Lifecycle.Find(t.Context(), s, after, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, found := range page {
					got = append(got, found.Subdomain)
				}
				after = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v finds %q, want %q", s, got, want)
			}
			if databases, err := env.Lifecycle.Databases(t.Context(), s); err != nil || len(databases) != len(want) {
				t.Errorf("%+v finds %d databases of %d, %v", s, len(databases), len(want), err)
			}
		}
	})
}

// TestOperationsArePagedWithEveryFilter, likewise.
func TestOperationsArePagedWithEveryFilter(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		var all []tenants.Operation
		for i := range 24 {
			at := begin.Add(time.Duration(i) * 1500 * time.Millisecond)
			o := tenants.Operation{
				ID: fmt.Sprintf("01jd%022d", i), TenantID: fmt.Sprintf("t%d", i), Subdomain: "acme", Kind: tenants.OperationKinds()[i%5], Params: "{}",
				State: tenants.OperationDone, By: []string{"Ada", "Ben", "ada"}[i%3], StartedAt: at, UpdatedAt: at, FinishedAt: &at,
			}
			if i%6 == 0 {
				o.FinishedAt, o.State = nil, tenants.OperationRunning
			}
			all = append(all, o)
		}
		if err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&all).Error }); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			f    lifecycle.OperationFilter
			take func(o tenants.Operation) bool
		}{
			"kind":  {lifecycle.OperationFilter{Kind: tenants.KindAdopt}, func(o tenants.Operation) bool { return o.Kind == tenants.KindAdopt }},
			"state": {lifecycle.OperationFilter{State: tenants.OperationRunning}, func(o tenants.Operation) bool { return o.FinishedAt == nil }},
			"by":    {lifecycle.OperationFilter{By: "Ada"}, func(o tenants.Operation) bool { return o.By == "Ada" }},
			"since and until": {lifecycle.OperationFilter{Since: begin.Add(3 * time.Second), Until: begin.Add(9 * time.Second).In(time.FixedZone("", 3600))},
				func(o tenants.Operation) bool {
					return !o.StartedAt.Before(begin.Add(3*time.Second)) && o.StartedAt.Before(begin.Add(9*time.Second))
				}},
			"all": {lifecycle.OperationFilter{Kind: tenants.KindCreate, By: "Ben", Since: begin, Unfinished: false, Subdomain: "acme"},
				func(o tenants.Operation) bool { return o.Kind == tenants.KindCreate && o.By == "Ben" }},
		} {
			var want, got []string
			for _, o := range slices.Backward(all) {
				if test.take(o) {
					want = append(want, o.ID)
				}
			}
			for after, more := "", true; more; more = after != "" {
				page, next, err := env.Lifecycle.Operations(t.Context(), test.f, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page {
					got = append(got, o.ID)
				}
				after = next
			}
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s finds %s, want %s", name, strings.Join(got, " "), strings.Join(want, " "))
			}
		}
	})
}
