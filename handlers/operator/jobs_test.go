package operator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
)

// chore is a job without a worker.
type chore struct{ Secret string }

func (chore) Kind() string { return "chore" }

// listed returns the jobs at a path, none of which shows its arguments.
func listed(t *testing.T, s *service, path string) document.List[document.Job] {
	t.Helper()
	w := s.as("x", "GET", path, "")
	if strings.Contains(w.Body.String(), "xyzzy") {
		t.Errorf("arguments are shown: %s", w.Body)
	}
	return decoded[document.List[document.Job]](t, w)
}

// TestJobs lists tenants with jobs, and a tenant's jobs without their arguments, and retries those that were discarded: also
// one whose unique key another job has by now.
func TestJobs(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s, tenant := newService(env), env.Tenant(t, "acme")
		later := jobs.Options{ScheduledAt: time.Now().Add(time.Hour), UniqueKey: "one"}
		enqueue := func(tx *gorm.DB) error { return jobs.Enqueue(tx, chore{"xyzzy"}, later) }
		discard := func(tx *gorm.DB) error {
			if err := enqueue(tx); err != nil {
				return err
			}
			return tx.Model(&jobs.Row{}).Where("kind = 'chore'").Updates(map[string]any{"state": jobs.Discarded, "attempt": 20, "error": "is away"}).Error
		}
		for _, f := range []tenants.Func{discard, enqueue} {
			if err := env.Store.Update(t.Context(), tenant, f); err != nil {
				t.Fatal(err)
			}
		}
		givenBack := func(tx *gorm.DB) error { return tenants.SetDue(tx, later.ScheduledAt, tenant.ID) } // by a process before
		if err := env.Store.Master().Update(t.Context(), givenBack); err != nil {
			t.Fatal(err)
		}
		due := decoded[document.List[document.Due]](t, s.as("x", "GET", "/api/jobs", ""))
		if len(due.Items) != 1 || due.Items[0].Subdomain != "acme" || due.Items[0].Process == "" {
			t.Errorf("tenants with jobs: %+v", due)
		}
		list := func(query string) document.List[document.Job] {
			t.Helper()
			return listed(t, s, "/api/jobs?tenant=acme"+query)
		}
		failed := list("&state=discarded")
		if len(failed.Items) != 1 || failed.Items[0].Error != "is away" || len(list("").Items) != 2 {
			t.Fatalf("discarded: %+v", failed)
		}
		page := list("&limit=1")
		if page.Next == nil || len(list("&after="+*page.Next).Items) != 1 {
			t.Errorf("first page: %+v", page)
		}
		for body, want := range map[string]int{`{}`: 422, fmt.Sprintf(`{"ids":[%q]}`, failed.Items[0].ID): 200} {
			w := s.as("x", "POST", "/api/tenants/acme/jobs/retry", body)
			var got struct{ Retried int64 }
			if w.Code != want || want == 200 && (json.Unmarshal(w.Body.Bytes(), &got) != nil || got.Retried != 1) {
				t.Errorf("retry %s: %d %s", body, w.Code, w.Body)
			}
		}
		if left := list("&state=discarded"); len(left.Items) > 0 {
			t.Errorf("still discarded: %+v", left)
		}
		if err := env.Store.Master().Update(t.Context(), discard); err != nil {
			t.Fatal(err)
		}
		if without := listed(t, s, "/api/jobs?master=true&state=discarded"); len(without.Items) != 1 || without.Items[0].Error != "is away" {
			t.Errorf("without tenant: %+v", without)
		}
		if w := s.as("x", "POST", "/api/jobs/retry", `{"ids":[]}`); w.Code != 200 || len(listed(t, s, "/api/jobs?master=true&state=discarded").Items) > 0 {
			t.Errorf("retry without tenant: %d %s", w.Code, w.Body)
		}
		for path, want := range map[string]int{
			"/api/jobs?master=1": 422, "/api/jobs?master=true&tenant=acme": 422,
			"/api/jobs?state=discarded": 422, "/api/jobs?tenant=acme&state=x": 422, "/api/jobs?tenant=nobody": 404, "/api/jobs?tenant=": 422, "/api/jobs?x=1": 400,
		} {
			if w := s.as("x", "GET", path, ""); w.Code != want {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}
