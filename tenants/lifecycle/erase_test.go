package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// vault is backups' storage that may be away.
type vault struct {
	mu        sync.Mutex // guards what follows
	away      bool
	destroyed []string
}

func (v *vault) DestroyKey(_ context.Context, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away {
		return tenants.ErrUnavailable
	}
	v.destroyed = append(v.destroyed, id)
	return nil
}

func (v *vault) Objects(_ context.Context, id string) ([]tenants.StoredObject, error) {
	return []tenants.StoredObject{{Key: "tenants/" + id + "/1", Size: 7, SHA256: "aa"}}, nil
}

func (v *vault) Place() string { return "the vault" }

// expectErased expects that nothing is left of the tenant but its certificate.
func expectErased(t *testing.T, env *tenantstest.Env, m *lifecycle.Manager, v *vault, id, point string) {
	t.Helper()
	got, err := m.Get(t.Context(), id)
	if err != nil || !got.IsRemoved() || got.Credentials != nil {
		t.Errorf("%s: %+v, %v", point, got, err)
		return
	}
	if c, err := m.CertificateOf(t.Context(), got); err != nil || c.TenantID != id || len(c.Objects) != 1 || c.ErasedAt.IsZero() {
		t.Errorf("%s: %+v, %v", point, c, err)
	}
	if !slices.Contains(v.destroyed, id) {
		t.Errorf("%s: the key is there", point)
	}
	objects, err := env.Engine.Survey(t.Context())
	if err != nil || slices.ContainsFunc(objects, func(o tenants.Object) bool { return o.TenantID == id }) {
		t.Errorf("%s: there are %+v, %v", point, objects, err)
	}
}

// TestEraseInterrupted has a process die at every point of an erasure. Before the first one the tenant is as it was, and
// later the erasure is finished.
func TestEraseInterrupted(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		v, points, dieAt := &vault{}, []string(nil), ""
		m := lifecycle.New(env.Store, lifecycle.Options{Vault: v, Interrupt: func(point string) {
			points = append(points, point)
			if point == dieAt {
				panic("the process died")
			}
		}})
		first := env.Tenant(t, "first")
		if _, err := m.Erase(t.Context(), "ada", "first", lifecycle.Erasure{Reason: "asked"}); err != nil {
			t.Fatal(err)
		}
		expectErased(t, env, m, v, first.ID, "whole")
		all := slices.Clone(points)
		if len(all) < 17 {
			t.Fatalf("points %q", all)
		}
		for _, dieAt = range all {
			name := "t" + newULID()[20:]
			tenant := env.Tenant(t, name)
			func() {
				defer func() { _ = recover() }() // the panic above
				_, _ = m.Erase(t.Context(), "ada", name, lifecycle.Erasure{Reason: "asked"})
			}()
			for _, held := range env.Store.Process().Held() {
				env.Store.Process().Release(held)
			}
			point := dieAt
			dieAt = ""
			if err := m.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if point == "erase/begin/before" {
				usable(t, env, name)
				continue
			}
			expectErased(t, env, m, v, tenant.ID, point)
		}
	})
}

// TestEraseEveryState erases tenants in the states in which they have data, or had.
func TestEraseEveryState(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		v := &vault{}
		m := lifecycle.New(env.Store, lifecycle.Options{Vault: v})
		for name, before := range map[string]func(name string) error{
			"active":    func(string) error { return nil },
			"suspended": func(name string) error { return errorOf(m.Suspend(t.Context(), "ada", name)) },
			"archived":  func(name string) error { return errorOf(m.Archive(t.Context(), "ada", name)) },
			"purged": func(name string) error {
				err := errorOf(m.Archive(t.Context(), "ada", name))
				return errors.Join(err, errorOf(m.Purge(t.Context(), "ada", name, lifecycle.DefaultGrace)))
			},
			"removed": func(name string) error {
				err := errorOf(m.Archive(t.Context(), "ada", name))
				return errors.Join(err, errorOf(m.Purge(t.Context(), "ada", name, 0)))
			},
		} {
			tenant := env.Tenant(t, name)
			if err := before(name); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Erase(t.Context(), "ada", name, lifecycle.Erasure{Reason: "asked"}); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			expectErased(t, env, m, v, tenant.ID, name)
			if err := errorOf(m.Restore(t.Context(), "ada", name)); !errors.Is(err, lifecycle.ErrRemoved) {
				t.Errorf("%s: restore: %v", name, err)
			}
		}
	})
}
