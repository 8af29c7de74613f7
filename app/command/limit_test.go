package command

import (
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
)

// TestTenantLimit changes limits beside a server, which enforces them; another tenant is served as before.
func TestTenantLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		srv := s.serve(t)
		if got := s.must(t, "tenant", "limit", "acme", "--no-header"); got != "requests\tnone\tdefault\nconcurrency\tnone\tdefault\nsize\t10GB\tdefault\nfiles\t10GB\tdefault\nstatement-time\tnone\tdefault\nbody\tnone\tdefault\nweight\t1\tdefault\n" {
			t.Errorf("without limits of its own: %s", got)
		}
		if status := srv.get(t, "acme", "/api/projects").status; status != 200 {
			t.Fatalf("status %d", status)
		}
		got := only[document.Limited](t, s.must(t, "tenant", "limit", "acme", "--requests=1/s", "--size=1GB", "--weight=2", "--json"))
		if limit := got.Limits[tenants.LimitRequests]; *limit.Value != 1 || limit.Text != "1/s" || !limit.Own || got.Subdomain != "acme" || got.Limits[tenants.LimitWeight].Text != "2" {
			t.Errorf("%+v", got)
		}
		wait.Until(t, "a request to be refused", func() bool {
			r := srv.get(t, "acme", "/api/projects")
			return r.status == 429 && r.header.Get("Retry-After") == "1" && strings.Contains(r.body, "problem:tenant-requests")
		})
		for range 20 {
			if status := srv.get(t, "globex", "/api/projects").status; status != 200 {
				t.Errorf("another tenant: %d", status)
			}
		}
		if out := s.must(t, "tenant", "limit", "acme", "--reset", "--concurrency", "7"); !strings.Contains(out, "requests\tnone\tdefault\nconcurrency\t7\tits own\nsize\t10GB\tdefault\n") {
			t.Errorf("it says %q", out)
		}
		configured := s.with("TENANTRY_MAX_TENANT_SIZE=1TB").with("TENANTRY_MAX_TENANT_FILES=0").with("TENANTRY_MAX_TENANT_REQUESTS=5/s")
		if out := configured.must(t, "tenant", "limit", "acme", "--no-header"); out != "requests\t5/s\tTENANTRY_MAX_TENANT_REQUESTS\nconcurrency\t7\tits own\nsize\t1TB\tTENANTRY_MAX_TENANT_SIZE\nfiles\tnone\tTENANTRY_MAX_TENANT_FILES\nstatement-time\tnone\tdefault\nbody\tnone\tdefault\nweight\t1\tdefault\n" {
			t.Errorf("with the installation's limits: %s", out)
		}
		wait.Until(t, "it to be served as before", func() bool {
			served := 0
			for served < 20 && srv.get(t, "acme", "/api/projects").status == 200 {
				served++
			}
			return served == 20
		})
	})
}

// TestBadLimits: nothing is changed, and the message says what would be right.
func TestBadLimits(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	for _, bad := range []string{
		"requests=0", "requests=0/s", "requests=-1", "requests=100/m", "requests=1.5/s", "requests=+5", "requests=1000001/s", "requests=99999999999999999999/s",
		"requests=", "requests=/s", "requests=1/s/s", "concurrency=0", "concurrency=-1", "concurrency=many", "concurrency=16/s", "concurrency=99999999999",
		"size=0", "size=0GB", "size=-1GB", "size=10 GB", "size=10XB", "size=9999999999TB", "size=9223372036854775807", "size=+1GB", "size=",
		"statement-time=0", "statement-time=0s", "statement-time=-1s", "statement-time=5", "statement-time=1us", "statement-time=25h", "statement-time=9999999999h",
		"body=0", "body=-5", "body=1e3", "body=1kb", "weight=0", "weight=-1", "weight=101", "weight=none", "weight=1.5",
	} {
		flag, _, _ := strings.Cut(bad, "=")
		r := s.run(t, "tenant", "limit", "acme", "--"+bad)
		if r.status != exitUsage || !strings.Contains(r.stderr, "--"+flag+" must be a") || !strings.Contains(r.stderr, "such as") {
			t.Errorf("%s: status %d, %s", bad, r.status, r.stderr)
		}
	}
	if r := s.run(t, "tenant", "limit", "nobody", "--requests", "5/s"); r.status != exitFailed || !strings.Contains(r.stderr, "tenantry tenant list") {
		t.Errorf("nobody: status %d, %s", r.status, r.stderr)
	}
	if got := s.must(t, "tenant", "limit", "acme"); strings.Contains(got, "its own") {
		t.Errorf("a bad value changed %s", got)
	}
	if got := s.must(t, "operations", "--tenant", "acme", "--kind", "limit", "--no-header"); got != "" {
		t.Errorf("the ledger has %s", got)
	}
}
