package command

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// expectAsked runs a command that has the subdomain typed: it does nothing when
// something else is, and what it says before holds the words.
func (s site) expectAsked(t *testing.T, subdomain string, words []string, args ...string) result {
	t.Helper()
	for _, typed := range []string{"", "yes\n", subdomain + "x\n"} {
		r := s.pipe(t, typed, args...)
		if r.status != exitUsage || !strings.Contains(r.stderr, "nothing was done") {
			t.Errorf("%q typed: status %d, %s%s", typed, r.status, r.stdout, r.stderr)
		}
	}
	r := s.pipe(t, subdomain+"\n", args...)
	if r.status != exitDone {
		t.Fatalf("%q: status %d, %s", args, r.status, r.stderr)
	}
	for _, word := range words {
		if !strings.Contains(r.stderr, word) {
			t.Errorf("%q doesn't say %q: %s", args, word, r.stderr)
		}
	}
	return r
}

func TestReleaseCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		if r := s.run(t, "tenant", "release", "acme", "--yes"); r.status != exitFailed || !strings.Contains(r.stderr, "tenantry tenant reserved") {
			t.Errorf("a subdomain in use: %d, %s", r.status, r.stderr)
		}
		s.must(t, "tenant", "rename", "acme", "apex", "--redirect-days=90")
		listed := only[document.List[lifecycle.Retired]](t, s.must(t, "tenant", "reserved", "--json"))
		if len(listed.Items) != 1 || listed.Items[0].Subdomain != "acme" || listed.Items[0].Tenant != "apex" || listed.Items[0].RedirectUntil == nil {
			t.Errorf("%+v", listed)
		}
		if got := s.must(t, "tenant", "show", "apex"); !strings.Contains(got, "redirect\tacme until 20") {
			t.Errorf("show: %s", got)
		}
		r := s.expectAsked(t, "acme", []string{"stops redirecting to apex"}, "tenant", "release", "acme")
		if r.stdout != "acme is free\n" {
			t.Errorf("%q", r.stdout)
		}
		if got := s.must(t, "tenant", "reserved"); strings.Count(got, "\n") != 1 {
			t.Errorf("left: %s", got)
		}
		s.must(t, "tenant", "create", "acme")
	})
}

// TestPurgeSaysThatDomainsGo, and restore says which went.
func TestPurgeSaysThatDomainsGo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		s.addVerified(t, "acme", "work.acme.example")
		s.must(t, "tenant", "archive", "acme", "--yes")
		s.expectAsked(t, "acme", []string{"domains go at once", "work.acme.example"}, "tenant", "purge", "acme")
		r := s.run(t, "tenant", "restore", "acme")
		if r.status != exitDone || !strings.Contains(r.stderr, "tenantry tenant domain add acme work.acme.example") {
			t.Errorf("restore: %d, %s", r.status, r.stderr)
		}
		s.must(t, "tenant", "archive", "acme", "--yes")
		if r := s.run(t, "tenant", "restore", "acme"); strings.Contains(r.stderr, "work.acme.example") {
			t.Errorf("restore of an archived tenant: %s", r.stderr)
		}
	})
}

// addVerified gives a tenant a domain.
func (s site) addVerified(t *testing.T, subdomain, host string) {
	t.Helper()
	a, id := s.open(t), s.tenant(t, subdomain).ID
	err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		now, err := a.Store().Master().Now(tx)
		if err != nil {
			return err
		}
		return tx.Create(&tenants.Domain{TenantID: id, Host: host, VerifiedAt: &now}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMakeEmptyCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		command := []string{"doctor", "--repair", "--make-empty", "acme"}
		if r := s.run(t, append(command, "--yes")...); r.status != exitFailed || !strings.Contains(r.stderr, "not missing") {
			t.Errorf("one that is there: %d, %s", r.status, r.stderr)
		}
		if r := s.run(t, "doctor", "--make-empty", "acme", "--yes"); r.status != exitUsage {
			t.Errorf("without --repair: %d, %s", r.status, r.stderr)
		}
		s.drop(t, "acme")
		if r := s.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, "--make-empty acme") {
			t.Errorf("doctor: %d, %s", r.status, r.stdout)
		}
		s.expectAsked(t, "acme", []string{"backup", "tenantry tenant admin acme"}, command...)
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("%q", got)
		}
		srv := s.serve(t)
		if r := srv.as(t, "", "GET", "acme", "/api/me", ""); r.status != 401 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// TestCancelCommand ends a purge that two files of one name keep from being
// finished, and finds the tenant archived.
func TestCancelCommand(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	s.must(t, "tenant", "archive", "acme", "--yes")
	id := s.tenant(t, "acme").ID
	twin := strings.Replace(s.file(t, "acme"), "tenants", "trash", 1)
	if err := os.WriteFile(twin, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := s.run(t, "tenant", "purge", "acme", "--yes"); r.status != exitFailed {
		t.Fatalf("purge: %d, %s", r.status, r.stderr)
	}
	for _, command := range []string{"tenant restore acme", "tenant suspend " + id} {
		if r := s.run(t, strings.Fields(command)...); r.status != exitFailed || !strings.Contains(r.stderr, "under way") {
			t.Errorf("%s: %d, %s", command, r.status, r.stderr)
		}
	}
	if r := s.run(t, "doctor"); !strings.Contains(r.stdout, "tenantry tenant cancel acme") {
		t.Errorf("doctor: %s", r.stdout)
	}
	s.expectAsked(t, "acme", []string{"purge of acme", "trash", "move one of them to another folder"}, "tenant", "cancel", "acme", "--by=bob")
	story := only[shown](t, s.must(t, "tenant", "show", "acme", "--json"))
	last := story.Operations[len(story.Operations)-1]
	if story.State != tenants.StateArchived || last.Kind != tenants.KindCancel || last.By != "bob" ||
		!slices.ContainsFunc(story.Operations, func(o document.Operation) bool { return strings.Contains(o.Error, "cancelled by bob") }) {
		t.Errorf("%+v", story)
	}
	if r := s.run(t, "tenant", "cancel", "acme", "--yes"); r.status != exitFailed || !strings.Contains(r.stderr, "no operation") {
		t.Errorf("cancel again: %d, %s", r.status, r.stderr)
	}
	if err := os.Remove(twin); err != nil {
		t.Fatal(err)
	}
	s.must(t, "tenant", "restore", "acme")
	s.must(t, "doctor")
}
