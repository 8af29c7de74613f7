package console_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/traffic"

	"gorm.io/gorm"
)

// state is the tenant's, in the master.
func (s *site) state(t testing.TB, name string) tenants.State {
	t.Helper()
	tenant, err := s.Lifecycle.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return tenant.State
}

func TestTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		acme := s.Tenant(t, "acme")
		s.traffic.Record(traffic.Request{TenantID: acme.ID, Failed: false, Took: time.Second})
		page := s.get(t, "/tenants/acme").expect(t, 200, "http://acme.localhost:8080", acme.ID, acme.Database, "Create",
			"1 requests in the last hour",
			"Suspend", "Archive acme", "Rename", "None. The tenant is served at its subdomain only", "", "Resume", "Purge",
			"unknown:", "under way")
		if !strings.Contains(page.body, " kB<") && !strings.Contains(page.body, " MB<") {
			t.Errorf("no size: %s", page.body)
		}
		s.get(t, "/tenants/"+acme.ID).expect(t, 200, acme.ID)
		s.get(t, "/tenants/nobody").expect(t, 404, "There is no tenant with this subdomain", "See all tenants")
		if opened := s.Store.Load().Opened; opened != 0 {
			t.Errorf("%d databases were opened", opened)
		}
	})
}

// TestWholeLife does to a tenant what there is to be done, by forms.
func TestWholeLife(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.post(t, "/tenants", "subdomain", "acme", "name", "Acme <Joinery>").leads(t, "/tenants/acme?done=created")
		s.get(t, "/tenants/acme?done=created").expect(t, 200, "The tenant is ready.", "Acme &lt;Joinery&gt;")
		s.post(t, "/tenants/acme/suspend").leads(t, "/tenants/acme?done=suspended")
		s.get(t, "/tenants/acme?done=suspended").expect(t, 200, "The tenant is suspended. Its pages say so", "state-suspended",
			"Resume")
		s.post(t, "/tenants/acme/restore").expect(t, 409, "is suspended and can")
		s.post(t, "/tenants/acme/resume").leads(t, "/tenants/acme?done=resumed")

		s.post(t, "/tenants/acme/rename", "subdomain", "Zenith!", "redirect_days", "5").expect(t, 422, "New subdomain ",
			`value="Zenith!"`, `aria-invalid="true"`)
		s.post(t, "/tenants/acme/rename", "subdomain", "zenith", "redirect_days", "x").expect(t, 422,
			"must be a whole number from 0 to 3650")
		s.post(t, "/tenants/acme/rename", "subdomain", "zenith", "redirect_days", "5").leads(t,
			"/tenants/zenith?done=renamed")
		s.get(t, "/tenants/zenith").expect(t, 200, "Rename to zenith")
		s.post(t, "/tenants/zenith/name", "name", " ").expect(t, 422, `id="set-name-name-fault"`)
		s.post(t, "/tenants/zenith/name", "name", "Zenith & Sons").leads(t, "/tenants/zenith?done=named")
		s.get(t, "/tenants/zenith").expect(t, 200, "<h1>Zenith &amp; Sons</h1>", "Change the name to Zenith &amp; Sons")
		limits := []string{"requests", "100/m", "concurrency", "none", "size", "2GB", "files", "default", "statement_time", "default", "body", "default", "weight", "default"}
		s.post(t, "/tenants/zenith/limits", limits...).expect(t, 422, `id="set-limits-requests-fault"`, "such as 100/s", `value="100/m"`)
		limits[1] = "100/s"
		s.post(t, "/tenants/zenith/limits", limits...).leads(t, "/tenants/zenith?done=limited")
		s.get(t, "/tenants/zenith").expect(t, 200, `at most 100/s <span class="hint">(its own)</span>`, "at most 2GB", "Change the limits: requests a second 100/s, requests at once none, size of the database 2GB")
		settings := []string{"time_zone", "Mars", "language", "de", "colour", "", "plan", "team"}
		s.post(t, "/tenants/zenith/settings", settings...).expect(t, 422, `id="set-settings-time_zone-fault"`, "such as Europe/Berlin", `value="Mars"`)
		settings[1] = ""
		s.post(t, "/tenants/zenith/settings", settings...).leads(t, "/tenants/zenith?done=set")
		s.get(t, "/tenants/zenith").expect(t, 200, "<dd>de</dd>", `UTC <span class="hint">(default)</span>`, "Change the settings: language de, plan team", `<option value="team" selected>`)
		s.post(t, "/tenants/zenith/maintenance", "message", "Back <soon>", "until", "tomorrow").expect(t, 422, `id="maintenance-until-fault"`, `value="Back &lt;soon&gt;"`)
		s.post(t, "/tenants/zenith/maintenance", "message", "Back <soon>", "until", "2h").leads(t, "/tenants/zenith?done=closed")
		s.get(t, "/tenants/zenith").expect(t, 200, "<h2>Closed for maintenance</h2>", "announced until", "They also say: Back &lt;soon&gt;", "End maintenance", "Close for maintenance: Back &lt;soon&gt;")
		s.post(t, "/tenants/zenith/maintenance/end").leads(t, "/tenants/zenith?done=opened")
		s.get(t, "/tenants/zenith").expect(t, 200, "Close it for maintenance", "", "announced until", `action="/tenants/zenith/maintenance/end"`)
		if _, err := s.Store.Lookup(t.Context(), "acme"); err == nil {
			t.Error("the old subdomain is served")
		}

		s.post(t, "/tenants/zenith/purge", "confirm", "zenith", "grace_days", "7").expect(t, 409, "is active and can")
		s.post(t, "/tenants/zenith/archive").leads(t, "/tenants/zenith?done=archived")
		s.post(t, "/tenants/zenith/purge", "confirm", "acme", "grace_days", "7").expect(t, 422, "must be zenith",
			`value="acme"`)
		s.post(t, "/tenants/zenith/purge", "confirm", "zenith", "grace_days", "-1").expect(t, 422,
			"must be a whole number from 0 to 365")
		if got := s.state(t, "zenith"); got != tenants.StateArchived {
			t.Errorf("it is %s", got)
		}
		tenant, err := s.Lifecycle.Get(t.Context(), "zenith")
		if err != nil {
			t.Fatal(err)
		}
		one := "/tenants/" + tenant.ID
		s.post(t, "/tenants/zenith/purge", "confirm", "zenith", "grace_days", "7").leads(t, one+"?done=purged")
		s.get(t, one).expect(t, 200, "Data is removed", "Restore", "", "Suspend</button>")
		s.post(t, one+"/restore").leads(t, "/tenants/zenith?done=restored")
		s.post(t, one+"/archive").leads(t, "/tenants/zenith?done=archived")
		s.post(t, one+"/purge", "confirm", "zenith", "grace_days", "0").leads(t, one+"?done=removed")
		s.get(t, one).expect(t, 200, "Its data has been removed", "Remove the data", "Ada", "", "Restore</button>")
		s.post(t, one+"/restore").expect(t, 409, "restore a backup")
		s.post(t, "/tenants/nobody/suspend").expect(t, 404)
	})
}

// TestSwap exchanges two tenants by the form.
func TestSwap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		acme, globex := s.Tenant(t, "acme"), s.Tenant(t, "globex")
		s.get(t, "/tenants/acme").expect(t, 200, "Swap…")
		s.post(t, "/tenants/acme/swap", "with", "acme").expect(t, 409, "both are the same tenant")
		s.post(t, "/tenants/acme/swap", "with", "globex").leads(t, "/tenants/acme?done=swapped")
		s.get(t, "/tenants/acme?done=swapped").expect(t, 200, "The tenants are exchanged", globex.ID, "Swap with acme", "", acme.ID)
		s.get(t, "/tenants/globex").expect(t, 200, acme.ID, "Swap with globex")
	})
}

// TestUnderWay: what is being done is told, and nothing else can be.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		acme := s.Tenant(t, "acme")
		instance := s.Store.Process().ID()
		op := tenants.Operation{
			ID: strings.Repeat("9", 26), TenantID: acme.ID, Subdomain: "acme", Kind: tenants.KindSuspend,
			State: tenants.OperationRunning, Step: "drain",
			Params: "{}", Error: "a process still used it", Attempts: 2, By: "Ben", InstanceID: &instance,
			StartedAt: s.now, UpdatedAt: s.now,
		}
		if err := s.Store.Master().Update(t.Context(),
			func(tx *gorm.DB) error { return tx.Create(&op).Error }); err != nil {
			t.Fatal(err)
		}
		s.get(t, "/tenants/acme").expect(t, 200, "Suspend is under way", "by Ben; step <span data-step>drain</span>, try 2",
			"a process still used it", "", "Archive acme")
		s.post(t, "/tenants/acme/archive").expect(t, 409, "suspend of tenant &#34;acme&#34; is under way")
		s.get(t, "/operations?unfinished=true").expect(t, 200, "acme", "step drain, try 2", "a process still used it")
		s.get(t, "/").expect(t, 200, `class="wait"`)
		events := s.readEvents(t, "/tenants/acme/events", func() {
			over := map[string]any{"state": tenants.OperationDone, "finished_at": s.now, "step": "", "instance_id": nil}
			err := s.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Model(&op).Updates(over).Error })
			if err != nil {
				t.Error(err)
			}
		})
		if n := len(events); n < 2 || events[n-2] != "event: over" {
			t.Errorf("%v", events)
		}
		s.get(t, "/tenants/nobody/events").expect(t, 404)
	})
}

// TestMissingDatabase is told of, and what can be done can be done.
func TestMissingDatabase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.fill(t, 1, nil)
		s.get(t, "/tenants/filled-00000").expect(t, 200, "unknown: ", "older than the ledger", "Archive filled-00000")
	})
}

func TestCreate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "/new").expect(t, 200, "http://SUBDOMAIN.localhost:8080", `name="admin_email"`, "", `name="server"`)
		made := s.post(t, "/tenants", "subdomain", " acme ", "admin_email", "ada@acme.example").expect(t, 201,
			"Send this link to ada@acme.example", "http://acme.localhost/invitation?token=T",
			"2030-01-02 03:04:05 UTC", "state-active")
		if made.header.Get("Content-Location") != "/tenants/acme" {
			t.Errorf("%v", made.header)
		}
		s.get(t, "/tenants/acme").expect(t, 200, "by", "", "token=T")
		for _, test := range [][]string{
			{"422", "Subdomain ", "subdomain", "Not a name"}, {"422", "Subdomain ", "subdomain", ""},
			{"409", "A tenant has this subdomain already", "subdomain", "acme"},
			{"422", "E-mail address of the first admin ", "subdomain", "globex", "admin_email", "nonsense"},
			{"422", "Name must be valid text", "subdomain", "globex", "name", strings.Repeat("x", 201)},
		} {
			status := 422
			if test[0] == "409" {
				status = 409
			}
			r := s.post(t, "/tenants", test[2:]...).expect(t, status, test[1], "Create a tenant")
			if last := test[len(test)-1]; last != "" && !strings.Contains(r.body, `value="`+last+`"`) {
				t.Errorf("what was typed is gone: %q", last)
			}
		}
		s.post(t, "/tenants", "subdomain", "globex", "admin_email", "fail@acme.example").expect(t, 500,
			"A tenant that was to be created with this admin was not created", "", "no room")
		s.Tenant(t, "globex")
		s.post(t, "/tenants/globex/invitation", "admin_email", "no address").expect(t, 422, "E-mail address ",
			`value="no address"`)
		s.post(t, "/tenants/globex/invitation", "admin_email", "ben@globex.example").expect(t, 201,
			"http://globex.localhost/invitation?token=T")
	})
}

func TestDomains(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Tenant(t, "acme")
		s.post(t, "/tenants/acme/domains", "host", "not a host", "primary", "false").expect(t, 422, "Host ",
			`value="not a host"`)
		s.post(t, "/tenants/acme/domains", "host", "Tasks.Acme.invalid").leads(t,
			"/tenants/acme?done=domain-added#domains")
		s.get(t, "/tenants/acme").expect(t, 200, "tasks.acme.invalid", "not verified",
			"_tenantry-challenge.tasks.acme.invalid", "tenantry-")
		s.post(t, "/tenants/acme/domains", "host", "tasks.acme.invalid").leads(t,
			"/tenants/acme?done=domain-unverified#domains")
		err := s.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Domain{}).Where("host = ?", "tasks.acme.invalid").Update("verified_at", s.now).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		s.post(t, "/tenants/acme/domains", "host", "tasks.acme.invalid", "primary", "true").leads(t,
			"/tenants/acme?done=domain-verified#domains")
		s.get(t, "/tenants/acme").expect(t, 200, "links lead here", "verified", "", "not verified")
		s.post(t, "/tenants/acme/domains/remove", "host", "tasks.acme.invalid").leads(t,
			"/tenants/acme?done=domain-removed#domains")
		s.post(t, "/tenants/acme/domains/remove", "host", "tasks.acme.invalid").expect(t, 404, "no such domain")
	})
}

// TestCopiesOfATenant: an operator downloads and clones a tenant from its page, and sees in the form what is wrong.
func TestCopiesOfATenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Tenant(t, "acme")
		s.get(t, "/tenants/acme").expect(t, 200, "Download the data", "Clone…", "", "Restore a backup…")
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, request(t, "/tenants/acme/export", s.session, url.Values{}))
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "SQLite format 3") || w.Header().Get("Content-Disposition") != "attachment; filename=acme.db" {
			t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
		}
		s.post(t, "/tenants/nobody/export").expect(t, 404)
		s.post(t, "/tenants/acme/clone", "subdomain", "Copy!").expect(t, 422, "must")
		s.post(t, "/tenants/acme/clone", "subdomain", "copy").leads(t, "/tenants/copy?done=created")
		s.post(t, "/tenants/acme/move", "server", "nowhere").expect(t, 404)
		s.get(t, "/tenants/acme").expect(t, 200, "Export")
	})
}
