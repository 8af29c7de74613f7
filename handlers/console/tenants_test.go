package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

func TestTenants(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "/tenants").expect(t, 200, "There are no tenants yet", "/new")
		acme, globex := s.Tenant(t, "acme"), s.Tenant(t, "globex")
		if _, err := s.Lifecycle.Suspend(t.Context(), "Ben", "globex"); err != nil {
			t.Fatal(err)
		}
		s.get(t, "/tenants").expect(t, 200, `href="/tenants/acme"`, `href="/tenants/globex"`, "", "Next page",
			"First page", "behind")
		s.get(t, "/tenants?search=GLO").expect(t, 200, `href="/tenants/globex"`, `value="GLO"`, "",
			`href="/tenants/acme"`)
		s.get(t, "/tenants?state=suspended&server=default").expect(t, 200, `href="/tenants/globex"`,
			`<option value="suspended" selected>`, "", `href="/tenants/acme"`)
		s.get(t, "/tenants?search=%3Cscript%3E&state=archived").expect(t, 200, "No tenant matches",
			"&lt;script&gt;", "", "<script>")
		for _, bad := range []string{"state=nonsense", "server=nowhere", "version=x", "version=0", "version=-1", "version=01", "order=busiest", "after=A", "after=%20"} {
			s.get(t, "/tenants?"+bad).expect(t, 422, "must be ")
		}
		s.get(t, "/tenants?search="+globex.ID).expect(t, 200, `href="/tenants/globex"`, "", `href="/tenants/acme"`)
		s.get(t, fmt.Sprintf("/tenants?version=%d", acme.SchemaVersion)).expect(t, 200, `href="/tenants/globex"`, `href="/tenants/acme"`)
		s.get(t, fmt.Sprintf("/tenants?version=%d", acme.SchemaVersion+1)).expect(t, 200, "No tenant matches")
		s.get(t, "/tenants?order=requests").expect(t, 200, "No requests")
		for range 2 {
			s.traffic.Record(traffic.Request{TenantID: globex.ID, Failed: true, Took: time.Second})
		}
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Failed: false, Took: time.Second})
		s.traffic.Record(traffic.Request{TenantID: "gone", Failed: false, Took: time.Second})
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Failed: false, Took: time.Minute})
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Failed: false, Took: time.Minute})
		s.grow(t, globex)
		for order, first := range map[string]string{"requests": "acme", "failures": "globex", "p95": "acme", "size": "globex"} {
			page := s.get(t, "/tenants?order="+order).expect(t, 200, `href="/tenants/acme"`, `href="/tenants/globex"`).body
			if found := regexp.MustCompile(`href="/tenants/(acme|globex)"`).FindStringSubmatch(page); found[1] != first {
				t.Errorf("by %s %s is first", order, found[1])
			}
		}
		s.get(t, "/tenants?order=size&state=active").expect(t, 200, `href="/tenants/acme"`, "B</td>", "", `href="/tenants/globex"`)
		s.get(t, "/tenants?order=requests&search=acme").expect(t, 200, `href="/tenants/acme"`, "",
			`href="/tenants/globex"`)
		if opened := s.Store.Load().Opened; opened != 1 { // by grow
			t.Errorf("%d databases were opened", opened)
		}
	})
}

// grow makes a tenant's database larger than those of others.
func (s *site) grow(t *testing.T, tenant *tenants.Tenant) {
	t.Helper()
	if _, err := s.Lifecycle.Resume(t.Context(), "Ben", tenant.ID); err != nil {
		t.Fatal(err)
	}
	tenant, err := s.Lifecycle.Get(t.Context(), tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		projects := make([]models.Project, 100)
		for i := range projects {
			projects[i] = models.Project{Name: fmt.Sprint("Large ", i), Description: strings.Repeat("0123456789", 200)}
		}
		return tx.Create(&projects).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lifecycle.Suspend(t.Context(), "Ben", tenant.ID); err != nil {
		t.Fatal(err)
	}
}

// TestTenantsArePaged by where the last page ended.
func TestTenantsArePaged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.fill(t, 120, varied)
		seen := map[string]bool{}
		next := regexp.MustCompile(`href="([^"]+)">Next page`)
		for path, pages := "/tenants?search=filled", 1; ; pages++ {
			page := s.get(t, path).expect(t, 200)
			for _, row := range regexp.MustCompile(`href="/tenants/(filled-\d+)"`).FindAllStringSubmatch(page.body,
				-1) {
				if seen[row[1]] {
					t.Fatalf("%s is there twice", row[1])
				}
				seen[row[1]] = true
			}
			more := next.FindStringSubmatch(page.body)
			if more == nil {
				page.expect(t, 200, "First page")
				break
			}
			if path = html.UnescapeString(more[1]); pages > 3 {
				t.Fatal("there is no end")
			}
		}
		if len(seen) != 120 {
			t.Errorf("saw %d", len(seen))
		}
	})
}

func TestOperations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "/operations").expect(t, 200, "Nothing has been done yet")
		for i := range 51 {
			if i%2 == 0 {
				s.Tenant(t, fmt.Sprintf("t%d", i))
			} else if _, err := s.Lifecycle.Suspend(t.Context(), "Ben & Co", fmt.Sprintf("t%d", i-1)); err != nil {
				t.Fatal(err)
			}
		}
		first := s.get(t, "/operations").expect(t, 200, "t50", "Suspend", "Ben &amp; Co", "state-done")
		more := regexp.MustCompile(`href="([^"]+)">Older ones`).FindStringSubmatch(first.body)
		if more == nil {
			t.Fatal("there is no next page")
		}
		s.get(t, html.UnescapeString(more[1])).expect(t, 200, "t0", "The newest", "", "Older ones", "t50")
		s.get(t, "/operations?unfinished=true").expect(t, 200, "Nothing is under way")
		s.get(t, "/operations?tenant=t4").expect(t, 200, "/tenants/", `value="t4"`, ">t4<", "", ">t5<", ">t0<")
		s.get(t, "/operations?kind=suspend&by=Ben+%26+Co&state=done").expect(t, 200, ">t0<", "", "Older ones")
		s.get(t, "/operations?kind=create").expect(t, 200, ">t50<", "", "Ben &amp; Co")
		s.get(t, "/operations?until=2020-01-01T00:00").expect(t, 200, "No operation matches", `value="2020-01-01T00:00"`)
		s.get(t, "/operations?since=2020-01-01").expect(t, 200, ">t50<", `since=2020-01-01`)
		for _, bad := range []string{"tenant=nobody", "kind=x", "state=active", "since=yesterday", "until=1", "unfinished=yes", "until=0001-01-01", "after=x"} {
			s.get(t, "/operations?"+bad).expect(t, 422)
		}
	})
}

func TestServers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Tenant(t, "acme")
		s.fill(t, 2, func(_ int, tenant *tenants.Tenant) { tenant.Server = "elsewhere" })
		r := s.get(t, "/servers").expect(t, 200, "default", string(s.Kind), "elsewhere",
			"not in the master", "process ")
		switch {
		case s.Placement == tenants.PlacementSchema:
			r.expect(t, 200, "1 of ") // the tenants share it
		case s.Kind == tenantstest.Postgres:
			r.expect(t, 200, "0 of ")
		}
	})
}

// BenchmarkSearch looks for a rare part of a name among 10,000.
func BenchmarkSearch(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			s := newSite(b, tenantstest.New(b, tenantstest.Options{Schema: models.Workspace(), Engine: engine}))
			s.fill(b, 10_000, varied)
			for b.Loop() {
				w := httptest.NewRecorder()
				s.router.ServeHTTP(w, request(b, "/tenants?search=no.+9876", s.session, nil))
				if w.Code != http.StatusOK {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
}
