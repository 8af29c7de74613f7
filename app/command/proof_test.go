package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
)

func (s site) proofOf(t *testing.T, subdomain string) *document.Proof {
	t.Helper()
	return only[shown](t, s.must(t, "tenant", "show", subdomain, "--json")).Proof
}

// TestBackupsAreProven: a server tries backups by itself, and what came of it is told everywhere. A backup that is damaged
// afterwards is found and named, until there is a new one; a storage that can't be reached says nothing about backups.
func TestBackupsAreProven(t *testing.T) {
	t.Parallel()
	s, store := withBackups(t)
	page := func(srv *server, path string) string {
		t.Helper()
		return send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: "+srv.consoleCookie(t)+"\r\nConnection: close\r\n\r\n").body
	}
	s.create(t, "acme")
	s.create(t, "globex")
	srv := s.with("TENANTRY_PROOF_INTERVAL=1s").with(backUpSoon).serve(t)
	wait.Until(t, "proofs", func() bool {
		acme, globex := s.proofOf(t, "acme"), s.proofOf(t, "globex")
		return acme != nil && acme.Error == "" && acme.ProvenAt != nil && globex != nil && globex.Error == "" && globex.ProvenAt != nil
	})
	if r := srv.operate(t, "GET", "/api/tenants/acme", ""); strings.Contains(r.body, `"backup_proof":null`) || strings.Contains(r.body, `"backed_up_at":null`) || !strings.Contains(r.body, `"proven_at":"2`) {
		t.Errorf("the operator's API: %s", r.body)
	}
	if got := page(srv, "/tenants/acme"); !strings.Contains(got, "Backup proven") || !strings.Contains(got, "Try the backup") {
		t.Errorf("the tenant's page: %s", got)
	}
	if r := srv.operate(t, "GET", "/metrics", ""); !strings.Contains(r.body, "\ntenantry_backup_proof_age_seconds ") || !strings.Contains(r.body, "\ntenantry_backup_proofs_failed 0\n") {
		t.Errorf("metrics: %s", r.body)
	}
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
	if got := only[app.Survey](t, s.must(t, "backup", "status", "--json")); got.Proven != 2 || got.Failed != 0 || got.OldestProof == nil {
		t.Errorf("%+v", got)
	}
	if got := s.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("doctor: %s", got)
	}

	acme := only[document.List[document.Tenant]](t, s.must(t, "tenant", "list", "--json")).Items[0]
	before := s.proofOf(t, "acme")
	if err := os.Rename(store, store+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store, nil, 0o600); err != nil { // not a folder
		t.Fatal(err)
	}
	if r := s.run(t, "backup", "verify"); r.status != exitFailed || strings.Contains(r.stderr, "backup run") || !strings.Contains(r.stdout, "unavailable") {
		t.Errorf("without the storage: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if after := s.proofOf(t, "acme"); *after.ProvenAt != *before.ProvenAt || after.TriedAt != before.TriedAt || after.Error != "" {
		t.Errorf("without the storage: %+v, before %+v", after, before)
	}
	if err := os.Rename(store+"-away", store); err == nil {
		t.Fatal("the file is not in the way")
	}
	if err := os.Remove(store); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(store+"-away", store); err != nil {
		t.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(store, "tenants", acme.ID, "ltx/*/*.ltx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, name := range files {
		if err := os.Truncate(name, 700); err != nil {
			t.Fatal(err)
		}
	}
	if r := s.run(t, "backup", "verify"); r.status != exitFailed || !strings.Contains(r.stdout, "damaged") || !strings.Contains(r.stderr, "backup run") {
		t.Errorf("damaged: %d %s %s", r.status, r.stdout, r.stderr)
	}
	if got := s.proofOf(t, "acme"); got.Error == "" || got.ProvenAt == nil || *got.ProvenAt != *before.ProvenAt {
		t.Errorf("damaged: %+v", got)
	}
	if r := s.run(t, "doctor"); r.status != exitFailed || !strings.Contains(r.stdout, app.BackupUnproven) || strings.Contains(r.stdout, "globex") {
		t.Errorf("doctor: %d %s", r.status, r.stdout)
	}
	srv = s.with("TENANTRY_PROOF_INTERVAL=0").serve(t)
	defer func() {
		s.must(t, "backup", "run", "--whole", "acme")
		s.must(t, "backup", "verify", "acme")
		if got := s.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("with a new backup: %s", got)
		}
	}()
	if got := page(srv, "/"); !strings.Contains(got, "Backup not proven") {
		t.Errorf("the overview: %s", got)
	}
	if r := srv.operate(t, "GET", "/metrics", ""); !strings.Contains(r.body, "\ntenantry_backup_proofs_failed 1\n") || !strings.Contains(r.body, `tenantry_alert{kind="backup_unproven"} 1`) {
		t.Errorf("metrics: %s", r.body)
	}
}
