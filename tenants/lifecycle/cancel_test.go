package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// stuck is an engine that changes no database.
type stuck struct{ tenants.Engine }

var errStuck = fmt.Errorf("%w: the disk is gone for good", tenants.ErrUnavailable)

func (stuck) Create(context.Context, *tenants.Tenant) error  { return errStuck }
func (stuck) Drop(context.Context, *tenants.Tenant) error    { return errStuck }
func (stuck) Trash(context.Context, *tenants.Tenant) error   { return errStuck }
func (stuck) Untrash(context.Context, *tenants.Tenant) error { return errStuck }

// TestCancel cancels operations with a step that can't succeed. Each leaves the tenant in the
// expected state, and the ledger names the operator.
func TestCancel(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := managerOver(t, env, stuck{env.Engine})
		for name, test := range map[string]struct {
			prepare, stick func(name string) error
			want           tenants.State
		}{
			"purge": {
				func(name string) error { return errorOf(env.Lifecycle.Archive(t.Context(), "ada", name)) },
				func(name string) error { return errorOf(m.Purge(t.Context(), "ada", name, time.Hour)) }, tenants.StateArchived,
			},
			"restore": {
				func(name string) error {
					return errors.Join(errorOf(env.Lifecycle.Archive(t.Context(), "ada", name)), errorOf(env.Lifecycle.Purge(t.Context(), "ada", name, time.Hour)))
				},
				func(name string) error { return errorOf(m.Restore(t.Context(), "ada", name)) }, tenants.StatePurged,
			},
			"remove": {
				func(name string) error {
					return errors.Join(errorOf(env.Lifecycle.Archive(t.Context(), "ada", name)), errorOf(env.Lifecycle.Purge(t.Context(), "ada", name, time.Nanosecond)))
				},
				func(name string) error { _ = m.Tend(t.Context()); return errStuck }, tenants.StatePurged,
			},
			"suspend": {
				func(string) error { return nil },
				func(name string) error {
					err := errorOf(env.Lifecycle.Suspend(t.Context(), "ada", name))
					abandon(t, env, name, map[string]any{"state": tenants.OperationRunning, "step": "drain"})
					return errors.Join(err, errStuck)
				}, tenants.StateSuspended,
			},
		} {
			t.Run(name, func(t *testing.T) {
				made := env.Tenant(t, name)
				if err := test.prepare(name); err != nil {
					t.Fatal(err)
				}
				if _, err := m.Cancel(t.Context(), "bob", name); !errors.Is(err, lifecycle.ErrNothingToCancel) {
					t.Errorf("cancelled nothing: %v", err)
				}
				if err := test.stick(name); !errors.Is(err, tenants.ErrUnavailable) {
					t.Fatalf("it is not stuck: %v", err)
				}
				o, err := env.Lifecycle.Cancel(t.Context(), "bob", name)
				if err != nil || string(o.Kind) != name || o.State != tenants.OperationFailed || !strings.Contains(o.Error, "cancelled by bob") {
					t.Fatalf("%+v, %v", o, err)
				}
				got, err := m.Get(t.Context(), made.ID)
				if err != nil || got.State != test.want {
					t.Errorf("%+v, %v", got, err)
				}
				last := operations(t, env, made.ID)[0]
				if last.Kind != tenants.KindCancel || last.By != "bob" || last.State != tenants.OperationDone || last.Subdomain != name {
					t.Errorf("in the ledger: %+v", last)
				}
				if err := m.Recover(t.Context()); err != nil || len(unfinished(t, env)) > 0 {
					t.Errorf("%v, left %+v", err, unfinished(t, env))
				}
			})
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func unfinished(t *testing.T, env *tenantstest.Env) []tenants.Operation {
	t.Helper()
	page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Unfinished: true}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestCancelledPurgeGoesOn serves the tenant again, and purges it once the disk is back.
func TestCancelledPurgeGoesOn(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := managerOver(t, env, stuck{env.Engine})
		env.Tenant(t, "acme")
		if err := errorOf(env.Lifecycle.Archive(t.Context(), "ada", "acme")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := errorOf(m.Purge(t.Context(), "ada", "acme", time.Hour)); !errors.Is(err, tenants.ErrUnavailable) {
				t.Fatal(err)
			}
			if _, err := env.Lifecycle.Cancel(t.Context(), "bob", "acme"); err != nil {
				t.Fatal(err)
			}
		}
		if err := errorOf(env.Lifecycle.Restore(t.Context(), "ada", "acme")); err != nil {
			t.Fatal(err)
		}
		usable(t, env, "acme")
		for _, do := range []func() error{
			func() error { return errorOf(env.Lifecycle.Archive(t.Context(), "ada", "acme")) },
			func() error { return errorOf(env.Lifecycle.Purge(t.Context(), "ada", "acme", time.Hour)) },
			func() error { return errorOf(env.Lifecycle.Restore(t.Context(), "ada", "acme")) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		usable(t, env, "acme")
	})
}

// TestCancelDoesNotWait expects an error for an operation that a process works on.
func TestCancelDoesNotWait(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		other := second(t, env, tenants.Options{})
		if err := errorOf(env.Lifecycle.Suspend(t.Context(), "ada", "acme")); err != nil {
			t.Fatal(err)
		}
		abandon(t, env, "acme", map[string]any{"state": tenants.OperationRunning, "step": "drain"})
		o := operations(t, env, "acme")[0]
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&o).Update("instance_id", other.Process().ID()).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := env.Lifecycle.Cancel(t.Context(), "bob", "acme"); !errors.Is(err, lifecycle.ErrUnderWay) {
			t.Errorf("got %v", err)
		}
	})
}

// TestRelease frees a subdomain that redirects, and one of a purged tenant.
func TestRelease(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := env.Lifecycle
		acme := env.Tenant(t, "acme")
		if err := errorOf(m.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "apex", RedirectDays: 3})); err != nil {
			t.Fatal(err)
		}
		gone := purgedTenant(t, env, "gone", time.Hour)
		all, err := m.Retired(t.Context(), "")
		if err != nil || len(all) != 2 || all[0].Tenant != "apex" || all[0].RedirectUntil == nil || all[0].Restorable ||
			all[1].Subdomain != "gone" || all[1].Tenant != gone.ID || all[1].RedirectUntil != nil || !all[1].Restorable {
			t.Fatalf("%+v, %v", all, err)
		}
		if own, err := m.Retired(t.Context(), acme.ID); err != nil || len(own) != 1 {
			t.Errorf("%+v, %v", own, err)
		}
		for _, name := range []string{"acme", "gone"} {
			if _, err := m.Release(t.Context(), "bob", name); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Release(t.Context(), "bob", name); !errors.Is(err, lifecycle.ErrNotReserved) {
				t.Errorf("again: %v", err)
			}
			awaitNews(t, func() bool {
				var moved *tenants.MovedError
				err := lookup(t, env, name)
				return errors.Is(err, tenants.ErrUnknownTenant) && !errors.As(err, &moved)
			})
			env.Tenant(t, name)
		}
		if _, err := m.Release(t.Context(), "bob", "apex"); !errors.Is(err, lifecycle.ErrNotReserved) {
			t.Errorf("a subdomain in use: %v", err)
		}
		if err := errorOf(m.Restore(t.Context(), "ada", gone.ID)); !errors.Is(err, lifecycle.ErrExists) {
			t.Errorf("restore at a subdomain that another has: %v", err)
		}
		last := operations(t, env, acme.ID)[0]
		if last.Kind != tenants.KindRelease || last.By != "bob" || last.Subdomain != "acme" || last.State != tenants.OperationDone {
			t.Errorf("%+v", last)
		}
	})
}

// TestMakeEmpty gives a tenant whose database is lost an empty one, in each state that keeps a
// database, and never if the database exists.
func TestMakeEmpty(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := env.Lifecycle
		for name, bring := range map[string]func(string) error{
			"active":    func(string) error { return nil },
			"suspended": func(name string) error { return errorOf(m.Suspend(t.Context(), "ada", name)) },
			"archived":  func(name string) error { return errorOf(m.Archive(t.Context(), "ada", name)) },
		} {
			made := env.Tenant(t, name)
			if err := bring(name); err != nil {
				t.Fatal(err)
			}
			if _, err := m.MakeEmpty(t.Context(), "bob", name); !errors.Is(err, lifecycle.ErrNotMissing) {
				t.Fatalf("one that is there: %v", err)
			}
			if err := env.Engine.Drop(t.Context(), made); err != nil {
				t.Fatal(err)
			}
			got, err := m.MakeEmpty(t.Context(), "bob", name)
			if err != nil || string(got.State) != name {
				t.Fatalf("%+v, %v", got, err)
			}
			faults, err := env.Engine.Examine(t.Context(), got)
			if err != nil || len(faults) > 0 {
				t.Errorf("%v, %v", faults, err)
			}
			last := operations(t, env, name)[0]
			if last.Kind != tenants.KindMakeEmpty || last.By != "bob" || last.State != tenants.OperationDone {
				t.Errorf("%+v", last)
			}
		}
		usable(t, env, "active")
		purgedTenant(t, env, "purged", time.Hour)
		if _, err := m.MakeEmpty(t.Context(), "bob", "purged"); !errors.Is(err, lifecycle.ErrNotMissing) {
			t.Errorf("a purged one: %v", err)
		}
	})
}

// TestMakeEmptyThatFails leaves the tenant as it was.
func TestMakeEmptyThatFails(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		made := env.Tenant(t, "acme")
		if err := env.Engine.Drop(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		m := managerOver(t, env, stuck{env.Engine})
		if _, err := m.MakeEmpty(t.Context(), "bob", "acme"); !errors.Is(err, tenants.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if got, err := m.Get(t.Context(), "acme"); err != nil || got.State != tenants.StateActive {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestPurgeTellsOfDomains expects a purge to remove the domains, and LostDomains to list them
// after a restore.
func TestPurgeTellsOfDomains(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		made := env.Tenant(t, "acme")
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			now := time.Now()
			return tx.Create(&[]tenants.Domain{
				{TenantID: made.ID, Host: "work.acme.example", VerifiedAt: &now}, {TenantID: made.ID, Host: "a.acme.example"},
			}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, do := range []func() error{
			func() error { return errorOf(env.Lifecycle.Archive(t.Context(), "ada", "acme")) },
			func() error { return errorOf(env.Lifecycle.Purge(t.Context(), "ada", "acme", time.Hour)) },
			func() error { return errorOf(env.Lifecycle.Restore(t.Context(), "ada", "acme")) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := env.Lifecycle.Get(t.Context(), "acme")
		if err != nil || len(got.Domains) > 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		hosts, err := env.Lifecycle.LostDomains(t.Context(), got)
		if err != nil || !slices.Equal(hosts, []string{"a.acme.example", "work.acme.example"}) {
			t.Errorf("%q, %v", hosts, err)
		}
	})
}
