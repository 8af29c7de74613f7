package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

func TestRename(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		made := env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		got, err := env.Lifecycle.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "apex"})
		if err != nil || got.Subdomain != "apex" || got.State != tenants.StateActive || got.Database != made.Database {
			t.Fatalf("%+v, %v", got, err)
		}
		usable(t, env, "apex")
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, "acme"), tenants.ErrUnknownTenant) })
		if err := lookup(t, env, "apex"); err != nil {
			t.Error(err)
		}
		var reserved *lifecycle.ReservedError
		if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.As(err, &reserved) {
			t.Errorf("create acme: %v", err)
		}
		for to, want := range map[string]error{
			"globex": lifecycle.ErrExists, "www": tenants.ErrInvalidSubdomain, "A": tenants.ErrInvalidSubdomain,
		} {
			if _, err := env.Lifecycle.Rename(t.Context(), "ada", "apex", lifecycle.Rename{To: to}); !errors.Is(err, want) {
				t.Errorf("to %q: %v", to, err)
			}
		}
		if _, err := env.Lifecycle.Rename(t.Context(), "ada", "globex", lifecycle.Rename{To: "acme"}); !errors.Is(err, lifecycle.ErrReserved) {
			t.Errorf("another to acme: %v", err)
		}
		if got, err := env.Lifecycle.Rename(t.Context(), "ada", "apex", lifecycle.Rename{To: "acme"}); err != nil || got.Subdomain != "acme" {
			t.Errorf("back: %+v, %v", got, err)
		}
		usable(t, env, "acme")
	})
}

func TestRenameRedirects(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		got, err := env.Lifecycle.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "apex", RedirectDays: 3})
		if err != nil || got.State != tenants.StateSuspended {
			t.Fatalf("%+v, %v", got, err)
		}
		var moved *tenants.MovedError
		if err := lookup(t, env, "acme"); !errors.As(err, &moved) || moved.Subdomain != "apex" {
			t.Errorf("acme: %v", err)
		}
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "apex"); err != nil {
			t.Fatal(err)
		}
		if err := lookup(t, env, "acme"); !errors.Is(err, tenants.ErrUnknownTenant) || errors.As(err, &moved) {
			t.Errorf("acme of an archived tenant: %v", err)
		}
	})
}

func TestArchiveAndRestore(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := lookup(t, env, "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("archived: %v", err)
		}
		if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, lifecycle.ErrExists) {
			t.Errorf("create: %v", err)
		}
		var refused *lifecycle.StateError
		if _, err := env.Lifecycle.Resume(t.Context(), "ada", "acme"); !errors.As(err, &refused) {
			t.Errorf("resume: %v", err)
		}
		if _, err := env.Lifecycle.Restore(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		usable(t, env, "acme")
		if _, err := env.Lifecycle.Purge(t.Context(), "ada", "acme", time.Hour); !errors.As(err, &refused) {
			t.Errorf("purge of an active tenant: %v", err)
		}
	})
}

// purgedTenant is one that was archived and purged, with a folder in it.
func purgedTenant(t *testing.T, env *tenantstest.Env, subdomain string, grace time.Duration) *tenants.Tenant {
	t.Helper()
	tenant := env.Tenant(t, subdomain)
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "Office"}).Error })
	if err == nil {
		_, err = env.Lifecycle.Archive(t.Context(), "ada", subdomain)
	}
	if err == nil {
		tenant, err = env.Lifecycle.Purge(t.Context(), "ada", subdomain, grace)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func TestPurgeAndRestore(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		gone := purgedTenant(t, env, "acme", time.Hour)
		if gone.State != tenants.StatePurged || gone.RemoveAfter == nil {
			t.Errorf("%+v", gone)
		}
		if conns, err := env.Engine.Open(t.Context(), gone); err == nil {
			t.Errorf("it can be opened: %v", conns.Close())
		}
		if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, lifecycle.ErrReserved) {
			t.Errorf("create acme: %v", err)
		}
		if err := env.Lifecycle.Tend(t.Context()); err != nil { // nothing is due
			t.Error(err)
		}
		back, err := env.Lifecycle.Restore(t.Context(), "ada", "acme")
		if err != nil || back.Subdomain != "acme" || back.RemoveAfter != nil {
			t.Fatalf("%+v, %v", back, err)
		}
		usable(t, env, "acme")
		var names []string
		err = env.Store.View(t.Context(), back, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Order("id").Pluck("name", &names).Error })
		if err != nil || len(names) != 2 || names[0] != "Office" {
			t.Errorf("folders %q, %v", names, err)
		}
	})
}

// TestPurgeOfATenantWhoseDatabaseIsLost: it can be given up, and not restored.
func TestPurgeOfATenantWhoseDatabaseIsLost(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		lost := env.Tenant(t, "acme")
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := env.Engine.Drop(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Lifecycle.Purge(t.Context(), "ada", "acme", time.Hour); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first leaves all as it was
			if _, err := env.Lifecycle.Restore(t.Context(), "ada", "acme"); !errors.Is(err, tenants.ErrNoDatabase) {
				t.Errorf("restore: %v", err)
			}
			got, err := env.Lifecycle.Get(t.Context(), "acme")
			if err != nil || got.State != tenants.StatePurged || got.RemoveAfter == nil {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, lifecycle.ErrReserved) {
				t.Errorf("create acme: %v", err)
			}
		}
		if last := operations(t, env, "acme")[0]; last.Kind != tenants.KindRestore || last.State != tenants.OperationFailed || last.Error == "" {
			t.Errorf("%+v", last)
		}
	})
}

// TestPurgedDataIsRemovedWhenItIsDue: at once with no grace, else by Tend.
func TestPurgedDataIsRemovedWhenItIsDue(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		atOnce := purgedTenant(t, env, "acme", 0)
		later := purgedTenant(t, env, "globex", time.Hour)
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(later).Update("remove_after", time.Now().UTC().Add(-time.Minute)).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := env.Lifecycle.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []*tenants.Tenant{atOnce, later} {
			got, err := env.Lifecycle.Get(t.Context(), tenant.ID)
			if err != nil || got.State != tenants.StatePurged || got.RemoveAfter != nil || got.Credentials != nil {
				t.Errorf("%+v, %v", got, err)
			}
			if err := env.Engine.Untrash(t.Context(), tenant); err == nil {
				t.Errorf("the data of %s is still there", tenant.ID)
			}
			if _, err := env.Lifecycle.Restore(t.Context(), "ada", tenant.ID); !errors.Is(err, lifecycle.ErrRemoved) {
				t.Errorf("restore: %v", err)
			}
		}
		if got := kinds(operations(t, env, "globex")); got != "create archive purge remove" {
			t.Errorf("the story is %q", got)
		}
	})
}

// records is a Resolver that knows some records.
type records map[string][]string

func (r records) LookupTXT(_ context.Context, name string) ([]string, error) { return r[name], nil }

func TestDomains(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		dns := records{}
		m := lifecycle.New(env.Store, lifecycle.Options{Resolver: dns})
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		const host = "work.acme.example"
		var unverified *lifecycle.UnverifiedError
		if _, err := m.VerifyDomain(t.Context(), "ada", "acme", host); !errors.Is(err, lifecycle.ErrUnknownDomain) {
			t.Errorf("not added: %v", err)
		}
		if added, err := m.AddDomain(t.Context(), "ada", "acme", host, false); err != nil || added.VerifiedAt != nil {
			t.Fatalf("%+v, %v", added, err)
		}
		first, err := m.VerifyDomain(t.Context(), "ada", "acme", host)
		if !errors.As(err, &unverified) || unverified.Value != first.Challenge || unverified.Record != env.Lifecycle.ChallengeRecord(host) {
			t.Fatalf("%+v, %v", first, err)
		}
		if err := lookup(t, env, host); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("unverified: %v", err)
		}
		rival, err := m.AddDomain(t.Context(), "ada", "globex", host, false)
		if err != nil || rival.Challenge == first.Challenge {
			t.Errorf("a rival's challenge: %+v, %v", rival, err)
		}
		dns[unverified.Record] = []string{"v=spf1", first.Challenge}
		if _, err := m.AddDomain(t.Context(), "ada", "acme", host, true); err != nil { // which is remembered
			t.Fatal(err)
		}
		verified, err := m.VerifyDomain(t.Context(), "ada", "acme", host)
		if err != nil || verified.VerifiedAt == nil || !verified.Main {
			t.Fatalf("%+v, %v", verified, err)
		}
		awaitNews(t, func() bool { return lookup(t, env, host) == nil })
		if _, err := m.AddDomain(t.Context(), "ada", "globex", host, false); !errors.Is(err, lifecycle.ErrHostTaken) {
			t.Errorf("a rival later: %v", err)
		}
		for _, primary := range []bool{true, false} { // nothing to do
			if again, err := m.AddDomain(t.Context(), "ada", "acme", host, primary); err != nil || !again.Main {
				t.Errorf("added again: %+v, %v", again, err)
			}
		}
		if got := kinds(operations(t, env, "acme")); got != "create domain-add domain-add domain-verify" {
			t.Errorf("the story is %q", got)
		}
		found, err := m.Domains(t.Context(), "acme")
		if err != nil || len(found) != 1 || found[0].Host != host {
			t.Errorf("%+v, %v", found, err)
		}
		if err := m.RemoveDomain(t.Context(), "ada", "acme", host); err != nil {
			t.Fatal(err)
		}
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, host), tenants.ErrUnknownTenant) })
		if err := m.RemoveDomain(t.Context(), "ada", "acme", host); !errors.Is(err, lifecycle.ErrUnknownDomain) {
			t.Errorf("removed twice: %v", err)
		}
	})
}
