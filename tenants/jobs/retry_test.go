package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestRetriesAreInTheLedger with the operator and the jobs, of a tenant and without one, beside another operation on the tenant. Where
// there is nothing to retry, nothing is recorded.
func TestRetriesAreInTheLedger(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		under := tenants.Operation{ID: "01jd0000000000000000000000", TenantID: acme.ID, Subdomain: "acme", Kind: tenants.KindMove, State: tenants.OperationRunning, Step: "copy", Params: "{}", By: "bob"}
		must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&under).Error }))
		for by, tenant := range map[lifecycle.Operator]*tenants.Tenant{"ada": acme, "eve": nil} {
			update, id := env.Store.Master().Update, ""
			if tenant != nil {
				id = tenant.ID
				update = func(ctx context.Context, f tenants.Func) error { return env.Store.Update(ctx, tenant, f) }
			}
			var rows []jobs.Row
			must(t, update(t.Context(), func(tx *gorm.DB) error {
				for range 3 {
					must(t, jobs.Enqueue(tx, step{"job"}, jobs.Options{}))
				}
				must(t, tx.Order("id").Find(&rows).Error)
				return tx.Model(&jobs.Row{}).Where("id <> ?", rows[2].ID).Update("state", jobs.Discarded).Error
			}))
			retry := func(want int64, ids ...string) {
				t.Helper()
				if n, err := env.Lifecycle.RetryJobs(t.Context(), by, tenant, ids...); n != want || err != nil {
					t.Errorf("%s: %d jobs run again, %v, want %d", by, n, err, want)
				}
			}
			retry(0, rows[2].ID)
			retry(1, rows[0].ID)
			retry(1)
			retry(0)
			page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Kind: tenants.KindRetry, By: string(by)}, "", 10)
			must(t, err)
			var got []string
			for _, o := range page {
				got = append(got, o.Params)
				if o.TenantID != id || o.State != tenants.OperationDone || o.FinishedAt == nil {
					t.Errorf("%s: %+v", by, o)
				}
			}
			if want := []string{"{}", fmt.Sprintf(`{"jobs":[%q]}`, rows[0].ID)}; !slices.Equal(got, want) {
				t.Errorf("%s: the ledger has %q, want %q", by, got, want)
			}
		}
	})
}
