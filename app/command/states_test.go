package command

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// wantState fails the test unless the tenant is in that state.
func (s site) wantState(t *testing.T, name string, want tenants.State) {
	t.Helper()
	if got := only[shown](t, s.must(t, "tenant", "show", name, "--json")); got.State != want {
		t.Errorf("%s is %s, want %s", name, got.State, want)
	}
}

// TestLifeOfATenant goes through all of it beside a server, which answers at
// once as the state demands.
func TestLifeOfATenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.environ = append(s.environ, "TENANTRY_BY=Bob")
		s.create(t, "acme")
		srv := s.serve(t)
		srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
		steps := []struct {
			command string
			host    string
			status  int
		}{
			{"rename acme forge", "acme", http.StatusNotFound},
			{"rename forge smithy --redirect-days=7", "forge", http.StatusTemporaryRedirect},
			{"archive smithy --yes", "smithy", http.StatusNotFound},
			{"restore smithy", "smithy", http.StatusUnauthorized}, // the session is of another host
			{"suspend smithy", "smithy", http.StatusForbidden},
			{"archive smithy --yes", "smithy", http.StatusNotFound},
			{"purge smithy --yes", "smithy", http.StatusNotFound},
			{"restore smithy --by=Ada", "smithy", http.StatusUnauthorized},
			{"archive smithy --yes", "smithy", http.StatusNotFound},
			{"purge smithy --yes --grace=0", "smithy", http.StatusNotFound},
		}
		for _, step := range steps {
			s.must(t, append([]string{"tenant"}, strings.Fields(step.command)...)...)
			srv.expect(t, step.host, step.status)
		}
		if r := s.run(t, "tenant", "restore", "smithy"); r.status != exitFailed || !strings.Contains(r.stderr, "backup") {
			t.Errorf("restore of what is gone: %d %s", r.status, r.stderr)
		}
		if r := s.run(t, "tenant", "create", "smithy"); r.status != exitFailed || !strings.Contains(r.stderr, "reserved until") {
			t.Errorf("the subdomain for another: %d %s", r.status, r.stderr)
		}
		wantStory(t, only[shown](t, s.must(t, "tenant", "show", "smithy", "--json")))
		if r := s.run(t, "doctor"); r.status != exitDone {
			t.Errorf("doctor: %s%s", r.stdout, r.stderr)
		}
	})
}

// wantStory fails the test unless it is that of TestLifeOfATenant.
func wantStory(t *testing.T, got shown) {
	t.Helper()
	want := []tenants.OperationKind{
		tenants.KindCreate, tenants.KindRename, tenants.KindRename, tenants.KindArchive, tenants.KindUnarchive, tenants.KindSuspend,
		tenants.KindArchive, tenants.KindPurge, tenants.KindRestore, tenants.KindArchive, tenants.KindPurge, tenants.KindRemove,
	}
	if len(got.Operations) != len(want) {
		t.Fatalf("%d operations: %+v", len(got.Operations), got.Operations)
	}
	for i, o := range got.Operations {
		by := "Bob"
		if o.Kind == tenants.KindRestore {
			by = "Ada"
		}
		if o.Subdomain == "purged-"+o.TenantID || o.Kind != want[i] || o.State != tenants.OperationDone || o.By != by || o.FinishedAt == nil {
			t.Errorf("operation %d is %+v, want %s by %s", i, o, want[i], by)
		}
	}
}

// TestOldSubdomainLeadsOn keeps path, query and method, and redirects
// to the tenant alone.
func TestOldSubdomainLeadsOn(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.must(t, "tenant", "rename", "acme", "forge", "--redirect-days=1")
	srv := s.serve(t)
	_, port, _ := strings.Cut(srv.public, ":")
	for path, want := range map[string]string{
		"/":                           "/",
		"/projects/7?x=1&y=%20":       "/projects/7?x=1&y=%20",
		"/nowhere":                    "/nowhere",
		"//evil.example/a":            "//evil.example/a",
		"/api/projects":               "/api/projects",
		"/api/tasks/1?next=http://e/": "/api/tasks/1?next=http://e/",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			r := srv.as(t, "Accept: text/html\r\n", method, "acme", path, "")
			if got := r.header.Get("Location"); r.status != http.StatusTemporaryRedirect || got != "http://forge.localhost:"+port+want {
				t.Errorf("%s %s: %d to %q", method, path, r.status, got)
			}
		}
	}
	if r := send(t, srv.public, "OPTIONS * HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n"); r.header.Get("Location") != "" {
		t.Errorf("OPTIONS * leads to %q", r.header.Get("Location"))
	}
}

// TestConsent: archive and purge ask for the subdomain, and do nothing without.
func TestConsent(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	for _, typed := range []string{"", "\n", "y\n", "acm\n", "ACME\n"} {
		if r := s.pipe(t, typed, "tenant", "archive", "acme"); r.status != exitUsage || !strings.Contains(r.stderr, "--yes") {
			t.Errorf("archive, typed %q: %d %s", typed, r.status, r.stderr)
		}
	}
	s.wantState(t, "acme", tenants.StateActive)
	if r := s.pipe(t, "acme\n", "tenant", "archive", "acme"); r.status != exitDone {
		t.Errorf("archive: %s", r.stderr)
	}
	s.wantState(t, "acme", tenants.StateArchived)
	if r := s.pipe(t, "no\n", "tenant", "purge", "acme"); r.status != exitUsage {
		t.Errorf("purge, typed no: %d %s", r.status, r.stderr)
	}
	s.wantState(t, "acme", tenants.StateArchived)
	if r := s.pipe(t, " acme \n", "tenant", "purge", "acme"); r.status != exitDone {
		t.Errorf("purge: %s", r.stderr)
	}
	s.wantState(t, "acme", tenants.StatePurged)
}

func TestStateCommandsThatFail(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	for line, want := range map[string]result{
		"purge acme --yes":                         {status: exitFailed, stderr: "it is active and can't become purged"},
		"purge acme --yes --grace=tomorrow":        {status: exitUsage, stderr: "7d or 12h"},
		"purge acme --yes --grace=-1h":             {status: exitUsage, stderr: "7d or 12h"},
		"resume nobody":                            {status: exitFailed, stderr: "tenantry tenant list"},
		"rename acme globex":                       {status: exitFailed, stderr: "taken"},
		"rename acme www":                          {status: exitUsage, stderr: "reserved"},
		"rename acme Forge":                        {status: exitUsage, stderr: "must begin"},
		"rename acme forge --redirect-days=-1":     {status: exitUsage, stderr: "0 or more"},
		"create acme --resume --from=sqlite:x.db":  {status: exitUsage, stderr: "--resume"},
		"create nobody --resume":                   {status: exitFailed, stderr: "tenantry tenant list"},
		"domain add acme localhost":                {status: exitUsage, stderr: "localhost"},
		"domain add acme other.localhost":          {status: exitUsage, stderr: "other.localhost"},
		"domain remove acme work.acme.example":     {status: exitFailed, stderr: "tenantry tenant domain list acme"},
		"domain add nobody work.acme.example":      {status: exitFailed, stderr: "tenantry tenant list"},
		"domain add acme not_a_host.acme.example!": {status: exitUsage, stderr: "not_a_host"},
	} {
		r := s.run(t, append([]string{"tenant"}, strings.Fields(line)...)...)
		if r.status != want.status || !strings.Contains(r.stderr, want.stderr) {
			t.Errorf("%s: %d %s, want %d %s", line, r.status, r.stderr, want.status, want.stderr)
		}
	}
	s.wantState(t, "acme", tenants.StateActive)
}

func TestParseGrace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "7d": lifecycle.DefaultGrace, "12h": 12 * time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute, "0d": 0,
	} {
		if got, err := parseGrace(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "7", "-1d", "week", "1e9d", "4000d", "7dd", "213505d", "-213500d"} {
		if got, err := parseGrace(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
