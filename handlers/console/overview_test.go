package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

func TestOverview(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "/").expect(t, 200, "There are no tenants yet", "/new", "No tenant had a request",
			"No requests in the last hour")
		acme, globex := s.Tenant(t, "acme"), s.Tenant(t, "globex")
		if _, err := s.Lifecycle.Suspend(t.Context(), "Ben", "globex"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.traffic.Record(traffic.Request{TenantID: acme.ID, Failed: false, Took: 20 * time.Millisecond})
		}
		s.traffic.Record(traffic.Request{TenantID: globex.ID, Failed: true, Took: 20 * time.Millisecond})
		s.traffic.Record(traffic.Request{TenantID: "nobody", Failed: false, Took: 20 * time.Millisecond})
		s.get(t, "/").expect(t, 200,
			"state-active", "state-suspended", `href="/tenants?state=suspended"`,
			"5 requests in the last hour, at most 5 in a minute; 1 failed",
			`<a href="/tenants/acme">acme</a>`, "removed meanwhile", "default", string(s.Kind), "Suspend", "Ben",
			"process ",
			"", "There are no tenants", "behind</a>", "class=\"wait\"")
		if s.Kind == tenantstest.Postgres {
			s.get(t, "/").expect(t, 200, "Connections to default")
		}
		if opened := s.Store.Load().Opened; opened != 0 {
			t.Errorf("%d databases were opened", opened)
		}
	})
}

// TestOverviewTellsWhatIsBehind, and what is on servers that aren't there.
func TestOverviewTellsWhatIsBehind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.fill(t, 3, func(i int, tenant *tenants.Tenant) {
			tenant.SchemaVersion = int64(i + 1)
			if i == 2 {
				tenant.Server = "elsewhere"
			}
		})
		s.get(t, "/").expect(t, 200, `behind</a>`, "elsewhere", "not configured here")
	})
}

// TestOverviewWithoutMaster tells what to do.
func TestOverviewWithoutMaster(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.Tenant(t, "acme")
	err := s.Store.Master().Update(t.Context(),
		func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE tenants RENAME TO away").Error })
	if err != nil {
		t.Fatal(err)
	}
	s.get(t, "/").expect(t, 500, "The log says more", "req-1", "", "no such table")
	err = s.Store.Master().Update(t.Context(),
		func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE away RENAME TO tenants").Error })
	if err != nil {
		t.Fatal(err)
	}
}

// fill puts tenants into the master that have no databases.
func (s *site) fill(t testing.TB, n int, change func(i int, tenant *tenants.Tenant)) {
	t.Helper()
	all := make([]tenants.Tenant, n)
	for i := range all {
		id := fmt.Sprintf("01filled%018d", i)
		all[i] = tenants.Tenant{
			ID: id, Subdomain: fmt.Sprintf("filled-%05d", i), Name: fmt.Sprintf("Filled Company No. %d", i),
			State:  tenants.StateActive,
			Server: "default", Database: id, SchemaVersion: s.Engine.SchemaVersion(), Epoch: 1, CreatedBy: "seed",
		}
		if s.Kind == tenantstest.SQLite {
			all[i].Database += ".db"
		} else {
			all[i].Database = "t_" + id
		}
		if change != nil {
			change(i, &all[i])
		}
	}
	err := s.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(all, 500).Error })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // or each would be looked for to be dropped
		err := s.Store.Master().Update(context.Background(), func(tx *gorm.DB) error {
			return tx.Delete(&tenants.Tenant{}, "subdomain LIKE 'filled-%'").Error
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// varied gives tenants different states and versions.
func varied(i int, tenant *tenants.Tenant) {
	tenant.State = []tenants.State{tenants.StateActive, tenants.StateActive, tenants.StateActive, tenants.StateSuspended,
		tenants.StateArchived}[i%5]
	tenant.SchemaVersion -= int64(i % 3)
}

// TestOverviewOpensNothing, however many tenants there are.
func TestOverviewOpensNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.fill(t, 10_000, varied)
		s.get(t, "/").expect(t, 200, "10,000", "6,000", "2,000")
		if opened := s.Store.Load().Opened; opened != 0 {
			t.Errorf("%d databases were opened", opened)
		}
	})
}

// BenchmarkOverview is the overview of 10,000 tenants, through everything but
// the network.
func BenchmarkOverview(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			s := newSite(b, tenantstest.New(b, tenantstest.Options{Schema: models.Workspace(), Engine: engine}))
			s.fill(b, 10_000, varied)
			for i := range 10_000 {
				s.traffic.Record(traffic.Request{TenantID: fmt.Sprintf("01filled%018d", i%50), Failed: false, Took: time.Duration(i) * time.Microsecond})
			}
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				s.router.ServeHTTP(w, request(b, "/", s.session, nil))
				if w.Code != http.StatusOK {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
			if opened := s.Store.Load().Opened; opened != 0 {
				b.Errorf("%d databases were opened", opened)
			}
		})
	}
}

// TestChartsOfLongerPeriods show what is in the master: of all tenants on the overview, and of one on its page.
func TestChartsOfLongerPeriods(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		acme, globex := s.Tenant(t, "acme"), s.Tenant(t, "globex")
		begin := s.now
		for _, after := range []time.Duration{0, 45 * time.Hour, 49 * time.Hour} {
			s.now = begin.Add(after)
			for range 3 {
				s.traffic.Record(traffic.Request{TenantID: acme.ID, Group: traffic.Group{Server: acme.Server}, Took: 20 * time.Millisecond})
			}
			s.traffic.Record(traffic.Request{TenantID: globex.ID, Group: traffic.Group{Server: "elsewhere"}, Took: 20 * time.Millisecond})
			s.now = s.now.Add(time.Minute)
			if err := s.archive.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s.now = begin.Add(50*time.Hour + time.Minute)
		s.session = s.signIn(t, "Ada")
		s.get(t, "/").expect(t, 200, `<a href="/?span=day">day</a>`, `<strong aria-current="true">hour</strong>`, "Requests a minute")
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Group: traffic.Group{Server: acme.Server}, Failed: true}) // is not written yet
		s.get(t, "/?span=day").expect(t, 200, `<strong aria-current="true">day</strong>`, "9 requests in the last day, at most 4 in an hour; 1 failed")
		s.get(t, "/?span=weeks").expect(t, 200, "13 requests in the last four weeks, at most ", " in a day; 1 failed", "Requests a day")
		s.get(t, "/?span=year").expect(t, 422, "must be one of: hour, day, weeks")
		s.get(t, "/tenants/acme").expect(t, 200, `<a href="/tenants/acme?span=day">day</a>`, `<strong aria-current="true">hour</strong>`)
		s.get(t, "/tenants/acme?span=day").expect(t, 200, `<a href="/tenants/acme">hour</a>`, "7 requests in the last day, at most 3 in an hour; 1 failed")
		s.get(t, "/tenants/acme?span=weeks").expect(t, 200, "10 requests in the last four weeks, at most ", "Requests a day")
		s.get(t, "/tenants/acme?span=year").expect(t, 422, "must be one of: hour, day, weeks")
		server := "/servers/" + acme.Server
		s.get(t, server).expect(t, 200, `<a href="`+server+`?span=day">day</a>`, "Requests a minute", "1 requests in the last hour")
		s.get(t, server+"?span=day").expect(t, 200, "7 requests in the last day, at most 3 in an hour; 1 failed")
		s.get(t, server+"?span=weeks").expect(t, 200, "10 requests in the last four weeks, at most ", "Requests a day")
		s.get(t, "/servers/nowhere").expect(t, 404)
	})
}
