package fleet_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// widening is a migration that older code can live with.
const widening = "-- older code from: 2\n-- +goose Up\nALTER TABLE folders ADD COLUMN place text;\n"

// everyCopy is a plan for a run that keeps copies.
var everyCopy = fleet.Plan{KeepCopies: true}

// TestRunsAreReverted migrates tenants, writes to one, and puts the copies back: of that one, then of the others. A tenant
// whose migration failed has lost nothing.
func TestRunsAreReverted(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t, tenantstest.SQLite, false, widening, "acme", "globex", "initech")
	for subdomain := range r.tenants {
		r.fill(t, subdomain, "a", "b")
	}
	before := r.content(t, "acme")
	if _, err := r.ForecastRevert(t.Context(), "", "", nil); !errors.Is(err, fleet.ErrNoCopies) {
		t.Errorf("before a run: %v", err)
	}
	run, err := r.Migrate(t.Context(), "ada", everyCopy, nil)
	if err != nil || run.Copies != 3 || run.CopyBytes == 0 {
		t.Fatalf("%+v, %v", run, err)
	}
	r.fill(t, "acme", "later")
	forecast, err := r.ForecastRevert(t.Context(), "", "acme", nil)
	if err != nil || forecast.Run.ID != run.ID || len(forecast.Tenants) != 1 {
		t.Fatalf("%+v, %v", forecast, err)
	}
	if acme := forecast.Tenants[0]; acme.From != 3 || acme.To != 2 || acme.WrittenAt == nil || acme.Rows != 1 || acme.Error != "" {
		t.Errorf("acme: %+v", acme)
	}
	if err := r.Revert(t.Context(), "ada", forecast, nil); err != nil {
		t.Fatal(err)
	}
	r.wantBack(t, "acme", before)
	if _, err := r.ForecastRevert(t.Context(), run.ID, "acme", nil); !errors.Is(err, tenants.ErrNoCopy) {
		t.Errorf("once more: %v", err)
	}
	forecast, err = r.ForecastRevert(t.Context(), run.ID, "", nil)
	if err != nil || len(forecast.Tenants) != 2 || forecast.Tenants[0].WrittenAt != nil {
		t.Fatalf("%+v, %v", forecast, err)
	}
	if err := r.Revert(t.Context(), "ada", forecast, nil); err != nil {
		t.Fatal(err)
	}
	r.wantBack(t, "globex", before)
	if run, err := r.Run(t.Context(), run.ID); err != nil || run.Copies != 0 {
		t.Errorf("%+v, %v", run, err)
	}
}

// TestRevertedRunsKeepNothing reverts a run of which a tenant could not be migrated: its copy, which is of no use, goes with
// those that are put back, but not when one tenant alone is reverted. The error counts what the whole run has migrated.
func TestRevertedRunsKeepNothing(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t, tenantstest.SQLite, false, widening+"CREATE UNIQUE INDEX folders_remark_key ON folders (remark);\n", "acme", "globex", "initech")
	r.fill(t, "globex", "a", "b") // with the same remark
	run, err := r.Migrate(t.Context(), "ada", everyCopy, nil)
	var partial *fleet.PartialError
	if !errors.As(err, &partial) || partial.Migrated != 2 || run.Copies != 3 {
		t.Fatalf("%+v, %v", run, err)
	}
	again, err := r.Resume(t.Context(), "ada", nil, nil)
	if !errors.As(err, &partial) || partial.Migrated != int(again.Migrated) || partial.Migrated != 2 || len(partial.Failed) != 1 {
		t.Errorf("resumed: %+v, %v", again, err)
	}
	for _, step := range []struct {
		subdomain string
		left      int
	}{{"acme", 2}, {"", 0}} {
		forecast, err := r.ForecastRevert(t.Context(), run.ID, step.subdomain, nil)
		if err == nil {
			err = r.Revert(t.Context(), "ada", forecast, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(filepath.Join(r.Dir, "copies"))
		if now, _ := r.Run(t.Context(), run.ID); err != nil || len(entries) != step.left || int(now.Copies) != step.left {
			t.Errorf("after %q %d copies are left, and %d are recorded; want %d, %v", step.subdomain, len(entries), now.Copies, step.left, err)
		}
	}
}

// wantBack sees that the older build serves a tenant as it was before its migration.
func (r *rehearsing) wantBack(t *testing.T, subdomain string, want []string) {
	t.Helper()
	now, err := r.Lifecycle.Get(t.Context(), subdomain)
	if err != nil || now.SchemaVersion != 2 || now.State != tenants.StateActive {
		t.Fatalf("%+v, %v", now, err)
	}
	r.tenants[subdomain] = now
	if got := r.content(t, subdomain); !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", subdomain, got, want)
	}
}

// TestRunsAreAccepted: the copies are gone, the run can't be reverted, and a tenant that is dropped takes its copy along.
func TestRunsAreAccepted(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t, tenantstest.SQLite, false, widening, "acme", "globex")
	run, err := r.Migrate(t.Context(), "ada", everyCopy, nil)
	if err != nil {
		t.Fatal(err)
	}
	copies := func() int {
		entries, err := os.ReadDir(filepath.Join(r.Dir, "copies"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := copies(); n != 2 {
		t.Fatalf("%d copies", n)
	}
	for _, do := range []func() error{
		func() error { _, err := r.Lifecycle.Archive(t.Context(), "ada", "globex"); return err },
		func() error { _, err := r.Lifecycle.Purge(t.Context(), "ada", "globex", 0); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if n := copies(); n != 1 {
		t.Errorf("%d copies after one tenant was removed", n)
	}
	stale, err := r.ForecastRevert(t.Context(), run.ID, "", nil)
	if err != nil || len(stale.Tenants) != 1 {
		t.Fatalf("%+v, %v", stale, err)
	}
	if accepted, err := r.Accept(t.Context(), ""); err != nil || accepted.ID != run.ID || accepted.Copies != 1 {
		t.Errorf("%+v, %v", accepted, err)
	}
	if n := copies(); n != 0 {
		t.Errorf("%d copies after the run was accepted", n)
	}
	if err := r.Revert(t.Context(), "ada", stale, nil); !errors.Is(err, lifecycle.ErrAccepted) {
		t.Errorf("a revert that was forecast before: %v", err)
	}
	if acme, err := r.Lifecycle.Get(t.Context(), "acme"); err != nil || acme.SchemaVersion != 3 || acme.State != tenants.StateActive {
		t.Errorf("%+v, %v", acme, err)
	}
	if run, err := r.Run(t.Context(), run.ID); err != nil || run.AcceptedAt == nil || run.Copies != 0 {
		t.Errorf("%+v, %v", run, err)
	}
}

// TestCopiesAreRenewed: when a tenant is tried again whose migration has failed, what was written meanwhile is in the copy.
func TestCopiesAreRenewed(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t, tenantstest.SQLite, false, "-- older code from: 2\n-- +goose Up\nCREATE UNIQUE INDEX one_remark ON folders (remark);\n", "acme")
	r.fill(t, "acme", "a", "b") // of the same remark
	run, err := r.Migrate(t.Context(), "ada", everyCopy, nil)
	if err == nil || run.Copies != 1 {
		t.Fatalf("%+v, %v", run, err)
	}
	err = r.Store.Update(t.Context(), r.tenants["acme"], func(tx *gorm.DB) error { return tx.Exec("UPDATE folders SET remark = name").Error })
	if err != nil {
		t.Fatal(err)
	}
	before := r.content(t, "acme")
	if run, err := r.Resume(t.Context(), "ada", nil, nil); err != nil || run.Copies != 1 {
		t.Fatalf("%+v, %v", run, err)
	}
	forecast, err := r.ForecastRevert(t.Context(), run.ID, "", nil)
	if err == nil {
		err = r.Revert(t.Context(), "ada", forecast, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.wantBack(t, "acme", before)
}

// TestNoCopiesOnPostgres: a run that is to keep some doesn't begin.
func TestNoCopiesOnPostgres(t *testing.T) {
	t.Parallel()
	r := newRehearsing(t, tenantstest.Postgres, false, widening, "acme")
	var refused *lifecycle.FilterError
	if _, err := r.Begin(t.Context(), "ada", everyCopy); !errors.As(err, &refused) || refused.Field != "keep_copies" {
		t.Errorf("got %v", err)
	}
}
