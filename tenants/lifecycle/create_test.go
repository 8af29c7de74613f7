package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		made, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme", Name: " Acme “Möbel” GmbH "})
		if err != nil {
			t.Fatal(err)
		}
		got, err := env.Lifecycle.Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		made.Domains = got.Domains                                                       // none, and read or not
		made.Settings, got.Settings = tenants.StoredSettings{}, tenants.StoredSettings{} // the same, with values that were read or not
		if len(got.Domains) != 0 || !reflect.DeepEqual(got, made) {
			t.Errorf("made %+v, stored %+v", made, got)
		}
		want := tenants.Tenant{
			ID: got.ID, Subdomain: "acme", Name: "Acme “Möbel” GmbH", State: tenants.StateActive,
			Server: tenants.DefaultServer, Database: env.Engine.DatabaseName(got.ID),
			SchemaVersion: env.Engine.SchemaVersion(), Epoch: 1, CreatedBy: "operator",
			Credentials: got.Credentials, CreatedAt: got.CreatedAt, UpdatedAt: got.UpdatedAt, Domains: got.Domains,
		}
		if !reflect.DeepEqual(*got, want) || got.CreatedAt.IsZero() {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		for _, test := range []struct {
			ask  lifecycle.NewTenant
			want error
		}{
			{lifecycle.NewTenant{Subdomain: "acme"}, lifecycle.ErrExists},
			{lifecycle.NewTenant{Subdomain: "www"}, tenants.ErrInvalidSubdomain},
			{lifecycle.NewTenant{Subdomain: "Acme"}, tenants.ErrInvalidSubdomain},
			{lifecycle.NewTenant{Subdomain: ""}, tenants.ErrInvalidSubdomain},
			{lifecycle.NewTenant{Subdomain: "x", Name: strings.Repeat("ä", 201)}, lifecycle.ErrInvalidName},
			{lifecycle.NewTenant{Subdomain: "x", Name: "a\x00b"}, lifecycle.ErrInvalidName},
			{lifecycle.NewTenant{Subdomain: "x", Name: "\xff"}, lifecycle.ErrInvalidName},
			{lifecycle.NewTenant{Subdomain: "x", Server: "elsewhere"}, lifecycle.ErrUnknownServer},
		} {
			if _, err := env.Lifecycle.Create(t.Context(), test.ask); !errors.Is(err, test.want) {
				t.Errorf("Create(%q) = %v, want %v", test.ask.Subdomain, err, test.want)
			}
		}
		page, _, err := env.Lifecycle.List(t.Context(), "", 10)
		if err != nil || len(page) != 1 {
			t.Errorf("%d tenants, %v", len(page), err)
		}
	})
}

func TestCreateOneSubdomainAtOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		var made, refused atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				switch _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); {
				case err == nil:
					made.Add(1)
				case errors.Is(err, lifecycle.ErrExists):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if made.Load() != 1 || refused.Load() != 7 {
			t.Errorf("%d made, %d refused", made.Load(), refused.Load())
		}
	})
}

// fault is an engine whose Create fails before or after the true one.
type fault struct {
	tenants.Engine
	before, after error
	dropped       atomic.Int64
}

func (f *fault) Create(ctx context.Context, t *tenants.Tenant) error {
	if f.before != nil {
		return f.before
	}
	return errors.Join(f.Engine.Create(ctx, t), f.after)
}

func (f *fault) Drop(ctx context.Context, t *tenants.Tenant) error {
	f.dropped.Add(1)
	return f.Engine.Drop(ctx, t)
}

func TestFailedCreateIsUndone(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, engine := range tenantstest.Engines() {
		for name, f := range map[string]*fault{"before": {before: broken}, "after": {after: broken}} {
			t.Run(fmt.Sprintf("%s/%s", engine, name), func(t *testing.T) {
				t.Parallel()
				env := tenantstest.New(t, tenantstest.Options{Engine: engine, Wrap: func(e tenants.Engine) tenants.Engine {
					f.Engine = e
					return f
				}})
				if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, broken) {
					t.Errorf("got %v", err)
				}
				if f.dropped.Load() != 1 {
					t.Errorf("the database was dropped %d times", f.dropped.Load())
				}
				f.before, f.after = nil, nil
				env.Tenant(t, "acme") // the subdomain is free again
			})
		}
	}
}

// TestCreateIsUndoneWhenTheCallerLeaves: the undoing must not end with the
// context that ended the creation.
func TestCreateIsUndoneWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		ctx, leave := context.WithCancel(t.Context())
		leaving := &leaver{env.Engine, leave}
		m := managerOver(t, env, leaving)
		if _, err := m.Create(ctx, lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := m.Get(t.Context(), "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("Get: %v", err)
		}
	})
}

// leaver ends the caller's context once the database is made.
type leaver struct {
	tenants.Engine
	leave context.CancelFunc
}

func (l *leaver) Create(ctx context.Context, t *tenants.Tenant) error {
	err := l.Engine.Create(ctx, t)
	l.leave()
	return err
}

// managerOver is a manager of env's master with another engine.
func managerOver(t *testing.T, env *tenantstest.Env, engine tenants.Engine) *lifecycle.Manager {
	t.Helper()
	store, err := tenants.New(t.Context(), tenants.Options{
		Master: env.Store.Master(), MaxOpen: 1,
		Servers: map[string]tenants.Engine{tenants.DefaultServer: engine},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return lifecycle.New(store, lifecycle.Options{})
}

// dies is an engine with which the process dies while it drops a database.
type dies struct{ tenants.Engine }

var errDied = errors.New("died")

func (d dies) Create(ctx context.Context, t *tenants.Tenant) error {
	return errors.Join(d.Engine.Create(ctx, t), errDied)
}

func (d dies) Drop(context.Context, *tenants.Tenant) error { return errDied }

// TestRecoverUndoes finishes the undoing of a creation that failed: nothing is
// left of it, and meanwhile its subdomain is free.
func TestRecoverUndoes(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		if _, err := managerOver(t, env, dies{env.Engine}).Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, errDied) {
			t.Fatalf("got %v", err)
		}
		left, _, err := env.Lifecycle.List(t.Context(), "", 10)
		if err != nil || len(left) != 1 || left[0].State == tenants.StateActive {
			t.Fatalf("left %+v, %v", left, err)
		}
		acme := env.Tenant(t, "acme")
		if err := env.Lifecycle.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, _, err := env.Lifecycle.List(t.Context(), "", 10)
		if err != nil || len(page) != 1 || page[0].ID != acme.ID || page[0].State != tenants.StateActive {
			t.Errorf("%+v, %v", page, err)
		}
		if conns, err := env.Engine.Open(t.Context(), &left[0]); err == nil {
			t.Errorf("the database is still there, %v", conns.Close())
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		for _, subdomain := range []string{"c", "a", "e", "b-1", "d"} {
			env.Tenant(t, subdomain)
		}
		var got []string
		for after := ""; ; {
			page, next, err := env.Lifecycle.List(t.Context(), after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, tenant := range page {
				got = append(got, tenant.Subdomain)
			}
			if next == "" {
				break
			}
			after = next
		}
		if want := "a b-1 c d e"; strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}
