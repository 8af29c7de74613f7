package lifecycle_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// meddling is an engine that finds something to mend, once, after others have
// done something to the tenant.
type meddling struct {
	tenants.Engine
	meddle func()
	done   atomic.Bool
}

func (m *meddling) Examine(ctx context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	found, err := m.Engine.Examine(ctx, t)
	if m.meddle != nil && !m.done.Swap(true) {
		found = append(found, tenants.FaultPermissions.Mendable("as others can"))
	}
	return found, err
}

// TestRepairGoesByTheTenantAsItIs has an operator change the tenant between the
// examination and the repair.
func TestRepairGoesByTheTenantAsItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, between func(m *lifecycle.Manager) error
		want            error // of a look-up in the end
	}{
		"restored": {purged, restored, nil},
		"purged":   {nil, purged, tenants.ErrUnknownTenant},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
				wrapped := &meddling{}
				env := tenantstest.New(t, tenantstest.Options{Engine: engine, Wrap: func(e tenants.Engine) tenants.Engine {
					wrapped.Engine = e
					return wrapped
				}})
				tenant := env.Tenant(t, "acme")
				if test.before != nil {
					if err := test.before(env.Lifecycle); err != nil {
						t.Fatal(err)
					}
				}
				wrapped.meddle = func() {}
				doctor := lifecycle.New(env.Store, lifecycle.Options{Interrupt: func(point string) {
					if point == "repair/begin/before" {
						if err := test.between(env.Lifecycle); err != nil {
							t.Error(err)
						}
					}
				}})
				if _, err := doctor.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys, Repair: true, By: "ada"}); err != nil {
					t.Fatal(err)
				}
				env.Store.Refresh("")
				now, err := env.Store.Lookup(t.Context(), "acme")
				if !errors.Is(err, test.want) || test.want == nil && err != nil {
					t.Errorf("look-up: %v", err)
				}
				if err == nil {
					if _, err := folders(t, env, now); err != nil {
						t.Errorf("its database: %v", err)
					}
				} else if _, err := env.Lifecycle.Restore(t.Context(), "ada", "acme"); err != nil {
					t.Errorf("bring it back: %v", err)
				}
				wantKind(t, env, tenant, tenants.KindRepair, "ada")
			})
		})
	}
}

func purged(m *lifecycle.Manager) error {
	_, err := m.Archive(context.Background(), "eve", "acme")
	if err == nil {
		_, err = m.Purge(context.Background(), "eve", "acme", lifecycle.DefaultGrace)
	}
	return err
}

func restored(m *lifecycle.Manager) error {
	_, err := m.Restore(context.Background(), "eve", "acme")
	return err
}

// wantKind expects an operation of the kind in the tenant's ledger, and returns it.
func wantKind(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, kind tenants.OperationKind, by string) tenants.Operation {
	t.Helper()
	page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: tenant.ID}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range page {
		if o.Kind == kind && o.By == by {
			return o
		}
	}
	t.Errorf("no %s by %s among %+v", kind, by, page)
	return tenants.Operation{}
}

// TestAddAdminIsAnOperation: of who and for whom, one at a time, at a suspended
// tenant too, and over when its process has died.
func TestAddAdminIsAnOperation(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		failure := errors.New("no such person")
		addAdmin := func(work func(ctx context.Context, got *tenants.Tenant) error) error {
			return env.Lifecycle.AddAdmin(t.Context(), "bob", tenants.KindInvite, "acme", "eve@acme.example", work)
		}
		err := addAdmin(func(ctx context.Context, got *tenants.Tenant) error {
			if _, err := env.Lifecycle.Resume(ctx, "ada", "acme"); !errors.Is(err, lifecycle.ErrUnderWay) {
				t.Errorf("another operation meanwhile: %v", err)
			}
			return env.Store.Maintain(ctx, got, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "x"}).Error })
		})
		if err != nil {
			t.Error(err)
		}
		if o := wantKind(t, env, tenant, tenants.KindInvite, "bob"); o.State != tenants.OperationDone || o.Params != `{"email":"eve@acme.example"}` {
			t.Errorf("the ledger has %+v", o)
		}
		if err := addAdmin(func(context.Context, *tenants.Tenant) error { return failure }); !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
		if o := wantKind(t, env, tenant, tenants.KindInvite, "bob"); o.State != tenants.OperationFailed {
			t.Errorf("the ledger has %+v", o)
		}
		func() {
			defer func() { _ = recover() }()
			_ = addAdmin(func(context.Context, *tenants.Tenant) error { panic("the process dies") })
		}()
		if err := env.Lifecycle.Recover(t.Context()); err != nil {
			t.Error(err)
		}
		if o := wantKind(t, env, tenant, tenants.KindInvite, "bob"); o.State != tenants.OperationFailed || o.Error == "" {
			t.Errorf("the ledger has %+v", o)
		}
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if err := addAdmin(nil); err == nil {
			t.Error("somebody was let in to an archived tenant")
		}
	})
}
