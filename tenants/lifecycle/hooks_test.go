package lifecycle_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// witness is a hook of all kinds of operations that records its calls. What it returns can be changed.
type witness struct {
	mu                     sync.Mutex // protects the fields below
	calls                  []string
	before, prepare, after error
}

func (w *witness) note(when string, e *lifecycle.Event, err *error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf("%s %s %s is %s", when, e.Operation.Kind, e.Operation.Subdomain, e.Tenant.State))
	return *err
}

// take returns the calls since the last time.
func (w *witness) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := strings.Join(w.calls, ", ")
	w.calls = nil
	return calls
}

// fail makes the hook fail from now on.
func (w *witness) fail(before, prepare, after error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.prepare, w.after = before, prepare, after
}

// hook loads a folder into each new tenant.
func (w *witness) hook() lifecycle.Hook {
	return lifecycle.Hook{
		Name: "witness", Kinds: tenants.OperationKinds(),
		Before: func(_ context.Context, e *lifecycle.Event) error { return w.note("before", e, &w.before) },
		Prepare: func(ctx context.Context, e *lifecycle.Event) error {
			if err := w.note("prepare", e, &w.prepare); err != nil {
				return err
			}
			return e.Update(ctx, func(tx *gorm.DB) error { return tx.FirstOrCreate(&notes.Folder{}, notes.Folder{Name: "first"}).Error })
		},
		After: func(_ context.Context, e *lifecycle.Event) error { return w.note("after", e, &w.after) },
	}
}

// hooked returns a manager of the env's tenants with the witness.
func hooked(env *tenantstest.Env, w *witness, interrupt func(string)) *lifecycle.Manager {
	return lifecycle.New(env.Store, lifecycle.Options{Hooks: []lifecycle.Hook{w.hook()}, Interrupt: interrupt})
}

// hookedOperations are operations one after another, and what the hook sees of each.
var hookedOperations = []struct {
	name string
	do   func(ctx context.Context, m *lifecycle.Manager, subdomain string) (*tenants.Tenant, error)
	want string // X is the subdomain
}{
	{"create", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Create(ctx, lifecycle.NewTenant{Subdomain: x})
	}, "before create X is provisioning, prepare create X is provisioning, after create X is active"},
	{"set-name", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.SetName(ctx, "ada", x, "A name")
	}, "before set-name X is active, after set-name X is active"},
	{"rename", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		if _, err := m.Rename(ctx, "ada", x, lifecycle.Rename{To: x + "-2"}); err != nil {
			return nil, err
		}
		return m.Rename(ctx, "ada", x+"-2", lifecycle.Rename{To: x})
	}, "before rename X is active, after rename X is active, before rename X-2 is active, after rename X-2 is active"},
	{"suspend", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Suspend(ctx, "ada", x)
	}, "before suspend X is active, after suspend X is suspended"},
	{"resume", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Resume(ctx, "ada", x)
	}, "before resume X is suspended, after resume X is active"},
	{"archive", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Archive(ctx, "ada", x)
	}, "before archive X is active, after archive X is archived"},
	{"purge", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Purge(ctx, "ada", x, lifecycle.DefaultGrace)
	}, "before purge X is archived, after purge X is purged"},
	{"restore", func(ctx context.Context, m *lifecycle.Manager, x string) (*tenants.Tenant, error) {
		return m.Restore(ctx, "ada", x)
	}, "before restore X is purged, after restore X is active"},
}

// TestHooks: each operation calls the hook before and after, and a new tenant has the hook's rows when it is served.
func TestHooks(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var w witness
		m := hooked(env, &w, nil)
		for _, o := range hookedOperations {
			tenant, err := o.do(t.Context(), m, "acme")
			if err != nil {
				t.Fatalf("%s: %v", o.name, err)
			}
			got := strings.ReplaceAll(w.take(), tenants.PurgedSubdomain(tenant.ID), "acme")
			if want := strings.ReplaceAll(o.want, "X", "acme"); got != want {
				t.Errorf("%s: the calls are %q, want %q", o.name, got, want)
			}
			if tenant.State != tenants.StateActive {
				continue
			}
			if names := folderNames(t, env, tenant); !slices.Equal(names, []string{"first"}) {
				t.Errorf("%s: the folders are %q", o.name, names)
			}
		}
	})
}

// TestHookRefuses: after a veto the tenant and the ledger are as before.
func TestHookRefuses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var w witness
		m, reason := hooked(env, &w, nil), errors.New("it has unpaid invoices")
		for _, o := range hookedOperations {
			w.fail(reason, nil, nil)
			before := shownTenants(t, m)
			_, err := o.do(t.Context(), m, "acme")
			var veto *lifecycle.VetoError
			if !errors.As(err, &veto) || veto.Hook != "witness" || !errors.Is(err, reason) {
				t.Errorf("%s: error %v", o.name, err)
			}
			if after := shownTenants(t, m); after != before {
				t.Errorf("%s: %s became %s", o.name, before, after)
			}
			w.fail(nil, nil, nil)
			if _, err := o.do(t.Context(), m, "acme"); err != nil {
				t.Fatalf("%s: %v", o.name, err)
			}
		}
	})
}

// TestHooksSeeWhatIsAsked before an operation, and what the ledger has after it; a veto changes nothing.
func TestHooksSeeWhatIsAsked(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, Settings: preferenceType()}, func(t *testing.T, env *tenantstest.Env) {
		var seen []string
		var veto error
		dns, ctx := records{}, t.Context()
		m := lifecycle.New(env.Store, lifecycle.Options{Resolver: dns, Hooks: []lifecycle.Hook{{
			Name: "reader", Kinds: tenants.OperationKinds(),
			Before: func(_ context.Context, e *lifecycle.Event) error {
				seen = append(seen, e.Operation.Params)
				return veto
			},
			After: func(_ context.Context, e *lifecycle.Event) error { seen = append(seen, e.Operation.Params); return nil },
		}}})
		env.Tenant(t, "acme")
		const host = "work.acme.example"
		for _, one := range []struct {
			do   func() error
			want []string // all are in what the hook sees
		}{
			{func() error { _, err := m.Rename(ctx, "ada", "acme", lifecycle.Rename{To: "forge"}); return err }, []string{`"to":"forge"`}},
			{func() error { _, err := m.SetName(ctx, "ada", "forge", "Forge"); return err }, []string{`"name":"Forge"`}},
			{func() error {
				_, err := m.SetSettings(ctx, "ada", "forge", map[string]json.RawMessage{"plan": json.RawMessage(`"free"`), "beta": json.RawMessage("true")})
				return err
			},
				[]string{`"plan":"free"`, `"beta":"true"`}},
			{func() error {
				_, err := m.SetLimits(ctx, "ada", "forge", map[tenants.Limit]int64{tenants.LimitRequests: 7})
				return err
			}, []string{`"requests":"7/s"`}},
			{func() error {
				_, err := m.SetMaintenance(ctx, "ada", "forge", lifecycle.Maintenance{On: true, Message: "We move."})
				return err
			},
				[]string{`"to":"on"`, `"message":"We move."`}},
			{func() error { _, err := m.SetMaintenance(ctx, "ada", "forge", lifecycle.Maintenance{}); return err }, []string{`"to":"off"`}},
			{func() error { _, err := m.AddDomain(ctx, "ada", "forge", host, false); return err }, []string{`"host":"` + host + `"`}},
			{func() error {
				all, err := m.Domains(ctx, "forge")
				if err != nil || len(all) != 1 {
					t.Fatalf("%+v, %v", all, err)
				}
				dns[m.ChallengeRecord(host)] = []string{all[0].Challenge}
				_, err = m.VerifyDomain(ctx, "ada", "forge", host)
				return err
			}, []string{`"host":"` + host + `"`}},
			{func() error { return m.RemoveDomain(ctx, "ada", "forge", host) }, []string{`"host":"` + host + `"`}},
		} {
			veto = errors.New("not today")
			before := shownTenants(t, m)
			if err := one.do(); !errors.Is(err, veto) || shownTenants(t, m) != before {
				t.Errorf("%q was refused: %v; %s became %s", one.want, err, before, shownTenants(t, m))
			}
			veto, seen = nil, nil
			if err := one.do(); err != nil || len(seen) != 2 {
				t.Fatalf("%q: the hook saw %q, %v", one.want, seen, err)
			}
			for _, want := range one.want {
				if !strings.Contains(seen[0], want) || !strings.Contains(seen[1], want) {
					t.Errorf("the hook saw %q, want %s", seen, want)
				}
			}
		}
	})
}

// shownTenants describes all tenants and operations.
func shownTenants(t *testing.T, m *lifecycle.Manager) (shown string) {
	t.Helper()
	all, _, err := m.List(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range all {
		shown += fmt.Sprintf("%s %s %d; ", tenant.Subdomain, tenant.State, tenant.Epoch)
	}
	page, _, err := m.Operations(t.Context(), lifecycle.OperationFilter{}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return shown + fmt.Sprint(len(page), " operations")
}

// TestHookUndoesCreation: a tenant whose rows can't be loaded isn't created.
func TestHookUndoesCreation(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var w witness
		m, reason := hooked(env, &w, nil), errors.New("no template for this country")
		w.fail(nil, reason, nil)
		if _, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); !errors.Is(err, reason) {
			t.Errorf("error %v", err)
		}
		if _, err := m.Get(t.Context(), "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("the tenant: %v", err)
		}
		w.fail(nil, nil, nil)
		if _, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); err != nil {
			t.Error(err)
		}
	})
}

// TestHookIsCalledAgain: when a hook fails after an operation, the tenant is as the operation made it, and stays so when
// the operation is resumed or cancelled.
func TestHookIsCalledAgain(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		for _, cancels := range []bool{false, true} {
			var w witness
			m, reason := hooked(env, &w, nil), errors.New("billing is away")
			name := fmt.Sprintf("acme-%t", cancels)
			for _, o := range hookedOperations {
				if o.name == "rename" { // two operations, the second of which must wait for the first
					continue
				}
				w.take()
				w.fail(nil, nil, reason)
				if _, err := o.do(t.Context(), m, name); !errors.Is(err, reason) {
					t.Errorf("%s: error %v", o.name, err)
				}
				if _, err := m.SetName(t.Context(), "bob", name, "Another"); !errors.Is(err, lifecycle.ErrUnderWay) {
					t.Errorf("%s: then %v", o.name, err)
				}
				state := stateOf(t, m, name)
				if !strings.HasSuffix(o.want, "is "+string(state)) {
					t.Errorf("%s: it is %s", o.name, state)
				}
				endHook(t, m, &w, name, cancels)
				if after := stateOf(t, m, name); after != state {
					t.Errorf("%s: it was %s and is %s", o.name, state, after)
				}
			}
		}
	})
}

// endHook lets the hook succeed, or cancels its operation.
func endHook(t *testing.T, m *lifecycle.Manager, w *witness, name string, cancels bool) {
	t.Helper()
	var err error
	if cancels {
		_, err = m.Cancel(t.Context(), "ada", name)
		w.fail(nil, nil, nil)
	} else {
		w.fail(nil, nil, nil)
		w.take()
		if err = m.Recover(t.Context()); err == nil && !strings.HasPrefix(w.take(), "after ") {
			t.Error("it was not called again")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, m *lifecycle.Manager, name string) tenants.State {
	t.Helper()
	tenant, err := m.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return tenant.State
}

// TestHooksInterrupted has the process die at each point of operations with hooks: an operation that was recorded is
// finished, and its hook called.
func TestHooksInterrupted(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var points []string
		at := func(point string) { points = append(points, point) }
		var w witness
		m := hooked(env, &w, func(point string) { at(point) })
		for i, o := range hookedOperations {
			if o.name == "rename" {
				continue
			}
			at = func(point string) { points = append(points, point) }
			points = nil
			if _, err := o.do(t.Context(), m, "acme"); err != nil {
				t.Fatal(err)
			}
			all := slices.Clone(points)
			if !slices.Contains(all, o.name+"/after-witness/done") {
				t.Errorf("points %q", all)
			}
			for k, point := range all {
				at = func(string) {}
				name := fmt.Sprintf("t%d-%d", i, k)
				for _, earlier := range hookedOperations[:i] {
					if _, err := earlier.do(t.Context(), m, name); err != nil {
						t.Fatal(err)
					}
				}
				w.take()
				dieAt(t, env, m, point, &at, func() { _, _ = o.do(t.Context(), m, name) })
				if calls := w.take(); strings.Contains(calls, "after "+o.name) == strings.HasSuffix(point, "begin/before") {
					t.Errorf("%s: the calls are %q", point, calls)
				}
				if o.name == "create" && strings.HasSuffix(point, "begin/before") {
					continue
				}
				if _, err := m.SetName(t.Context(), "bob", name, "Another"); err != nil {
					t.Errorf("%s: %v", point, err)
				}
			}
		}
	})
}

// dieAt has the process die when an operation is at the point, and recovers.
func dieAt(t *testing.T, env *tenantstest.Env, m *lifecycle.Manager, point string, at *func(string), do func()) {
	t.Helper()
	*at = func(p string) {
		if p == point {
			panic("the process died")
		}
	}
	func() {
		defer func() { _ = recover() }() // the panic above
		do()
	}()
	for _, held := range env.Store.Process().Held() {
		env.Store.Process().Release(held)
	}
	*at = func(string) {}
	if err := m.Recover(t.Context()); err != nil {
		t.Errorf("%s: %v", point, err)
	}
}
