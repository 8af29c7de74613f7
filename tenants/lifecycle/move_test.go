package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// eachMove runs f on a first and a second server of each kind. The longest pair, with two clusters of Postgres, is the
// only one with a cluster of its own.
func eachMove(t *testing.T, o tenantstest.Options, f func(t *testing.T, env *tenantstest.Env)) {
	t.Helper()
	for _, first := range tenantstest.Engines() {
		for _, second := range tenantstest.Engines() {
			t.Run(string(first+" to "+second), func(t *testing.T) {
				t.Parallel()
				on := o
				on.Engine, on.Second = first, second
				f(t, tenantstest.New(t, on))
			})
		}
	}
}

// TestMove moves a tenant under load and back again. Every row whose Update returned nil is there afterwards, the old
// database is in the trash until it is due, and the doctor finds nothing.
func TestMove(t *testing.T) {
	t.Parallel()
	eachMove(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		addFolder(t, env, acme, "before")
		ctx, cancel := context.WithCancel(t.Context())
		written := make(chan []string)
		var refused atomic.Int64
		go func() {
			var names []string
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("under load %d", i)
				err := env.Store.Update(context.WithoutCancel(ctx), acme, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error })
				switch {
				case err == nil:
					names = append(names, name)
				case errors.Is(err, tenants.ErrMaintenance):
					refused.Add(1)
				default:
					t.Errorf("write: %v", err)
				}
			}
			written <- names
		}()
		var moved *tenants.Tenant
		for _, server := range []string{tenantstest.Second, tenants.DefaultServer, tenantstest.Second} {
			time.Sleep(10 * time.Millisecond) // so that something is written in between
			var err error
			if moved, err = env.Lifecycle.Move(t.Context(), "ada", "acme", server); err != nil {
				t.Fatal(err)
			}
			if moved.Server != server || moved.State != tenants.StateActive || moved.ReadOnly {
				t.Fatalf("%+v", moved)
			}
		}
		cancel()
		names := append(<-written, "before")
		got := folderNames(t, env, moved)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("there are %d folders, and %d were written", len(got), len(names))
		}
		t.Logf("%d written, %d refused", len(names), refused.Load())
		expectHealthy(t, env)
		setLeftUntil(t, env, time.Now().Add(-time.Hour))
		if err := env.Lifecycle.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		expectHealthy(t, env)
		objects, err := env.Engine.Survey(t.Context())
		if err != nil || slices.ContainsFunc(objects, func(o tenants.Object) bool { return o.TenantID == moved.ID }) {
			t.Errorf("on the old server are %v, %v", objects, err)
		}
	})
}

// expectHealthy expects that the doctor finds nothing of a tenant.
func expectHealthy(t *testing.T, env *tenantstest.Env) {
	t.Helper()
	findings, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Subject == "acme" {
			t.Errorf("%+v", f)
		}
	}
}

func setLeftUntil(t *testing.T, env *tenantstest.Env, at time.Time) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("left_until IS NOT NULL").Update("left_until", at.UTC()).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyWhileMoved reads at every point of a move, and writes at none between the drain and the end.
func TestReadOnlyWhileMoved(t *testing.T) {
	t.Parallel()
	var at func(point string)
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite, Interrupt: func(point string) { at(point) }})
	at = func(string) {}
	acme := env.Tenant(t, "acme")
	addFolder(t, env, acme, "one")
	at = func(point string) {
		if point == "move/begin/before" || point == "move/leave/after" || point[:5] == "move/" && point[5:10] == "trash" {
			return
		}
		found, err := env.Store.Lookup(t.Context(), "acme")
		if err != nil {
			t.Errorf("%s: %v", point, err)
			return
		}
		if names := folderNames(t, env, found); len(names) != 1 {
			t.Errorf("%s: %q", point, names)
		}
		nothing := func(*gorm.DB) error { return nil }
		for _, write := range []func(context.Context, *tenants.Tenant, tenants.Func) error{env.Store.Update, env.Store.Maintain} {
			if err := write(t.Context(), acme, nothing); !errors.Is(err, tenants.ErrMaintenance) {
				t.Errorf("%s: a write got %v", point, err)
			}
		}
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", tenantstest.Second); err != nil {
		t.Fatal(err)
	}
}

// TestMoveInterrupted has a process die, or its caller go, at every point of a move. The tenant is then served where it
// was or where it was to go, with its rows, and nothing is left over.
func TestMoveInterrupted(t *testing.T) {
	t.Parallel()
	for _, second := range tenantstest.Engines() {
		t.Run(string(second), func(t *testing.T) {
			t.Parallel()
			var at func(point string)
			env := tenantstest.New(t, tenantstest.Options{Second: second, Interrupt: func(point string) { at(point) }})
			var points []string
			at = func(point string) { points = append(points, point) }
			env.Tenant(t, "first")
			points = nil
			if _, err := env.Lifecycle.Move(t.Context(), "ada", "first", tenantstest.Second); err != nil {
				t.Fatal(err)
			}
			all := slices.Clone(points)
			if len(all) < 15 {
				t.Fatalf("points %q", all)
			}
			for i, point := range all {
				for _, dies := range []bool{true, false} {
					at = func(string) {}
					name := fmt.Sprintf("t%d-%t", i, dies)
					tenant := env.Tenant(t, name)
					addFolder(t, env, tenant, "row")
					interruptMove(t, env, name, point, dies, &at)
					expectMovedOrNot(t, env, name, point)
				}
			}
		})
	}
}

// interruptMove begins a move that ends at the point, and recovers.
func interruptMove(t *testing.T, env *tenantstest.Env, name, point string, dies bool, at *func(string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	*at = func(p string) {
		switch {
		case p == point && dies:
			panic("the process died")
		case p == point:
			cancel()
		}
	}
	func() {
		defer func() { _ = recover() }() // the panic above
		_, _ = env.Lifecycle.Move(ctx, "ada", name, tenantstest.Second)
	}()
	for _, held := range env.Store.Process().Held() {
		env.Store.Process().Release(held)
	}
	*at = func(string) {}
	if err := env.Lifecycle.Recover(t.Context()); err != nil {
		t.Errorf("%s: %v", point, err)
	}
}

// expectMovedOrNot expects the tenant on one of the servers, and its objects nowhere else but in the trash.
func expectMovedOrNot(t *testing.T, env *tenantstest.Env, name, point string) {
	t.Helper()
	tenant, err := env.Lifecycle.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if tenant.State != tenants.StateActive || tenant.ReadOnly {
		t.Errorf("%s: it is %s", point, tenant.State)
		return
	}
	if names := folderNames(t, env, tenant); len(names) != 1 {
		t.Errorf("%s: the folders are %q", point, names)
	}
	addFolder(t, env, tenant, "another")
	for server, engine := range map[string]tenants.Engine{tenants.DefaultServer: env.Engine, tenantstest.Second: env.Second} {
		objects, err := engine.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			left := tenant.LeftServer != nil && *tenant.LeftServer == server && o.Kind != tenants.ObjectDatabase && o.Kind != tenants.ObjectTemporary
			if o.TenantID == tenant.ID && server != tenant.Server && !left {
				t.Errorf("%s: on server %s is %+v", point, server, o)
			}
		}
	}
}

// TestMoveRefused moves tenants where they can't go. They stay as they are.
func TestMoveRefused(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite})
	acme := env.Tenant(t, "acme")
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", "nowhere"); !errors.Is(err, lifecycle.ErrUnknownServer) {
		t.Errorf("error %v", err)
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "nobody", tenantstest.Second); !errors.Is(err, tenants.ErrUnknownTenant) {
		t.Errorf("error %v", err)
	}
	if err := env.Second.Create(t.Context(), acme); err != nil { // a database that the move didn't make
		t.Fatal(err)
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", tenantstest.Second); !errors.Is(err, lifecycle.ErrNotEmpty) {
		t.Errorf("error %v", err)
	}
	addFolder(t, env, acme, "still served")
	if objects, err := env.Second.Survey(t.Context()); err != nil || len(objects) != 1 {
		t.Errorf("somebody's copy is gone: %v, %v", objects, err)
	}
}
