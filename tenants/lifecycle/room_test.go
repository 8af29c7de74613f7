package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// smallDisk is an engine on a disk with so many free bytes.
type smallDisk struct {
	*sqlite.Engine
	free int64
}

// Free returns them.
func (s smallDisk) Free() (free, total int64, err error) { return s.free, 1 << 40, nil }

// smallFiles are portable files on such a disk.
type smallFiles struct {
	portable.Files
	free int64
}

// Free returns the bytes.
func (s smallFiles) Free(string) (free int64, known bool) { return s.free, true }

// TestNoRoom asks for copies that have no room on the disk where they would be: each is refused with numbers before anything is
// made, and made as soon as there is room.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite})
	acme := env.Tenant(t, "acme")
	addFolder(t, env, acme, "row")
	file := filepath.Join(t.TempDir(), "acme.db")
	whole := lifecycle.New(env.Store, lifecycle.Options{Schema: notes.Schema(), Files: sqlite.Files{Schema: notes.Schema()}})
	if _, err := whole.Export(t.Context(), "ada", "acme", lifecycle.Export{Path: file}); err != nil {
		t.Fatal(err)
	}
	size, err := env.Engine.(tenants.Sizer).Size(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	source := "sqlite:" + filepath.Join(env.Dir, "tenants", acme.Database)
	copies := map[string]func(m *lifecycle.Manager, to string) error{
		"move": func(m *lifecycle.Manager, _ string) error {
			_, err := m.Move(t.Context(), "ada", "acme", tenantstest.Second)
			return err
		},
		"clone": func(m *lifecycle.Manager, _ string) error {
			_, err := m.Clone(t.Context(), "ada", "acme", lifecycle.NewTenant{Subdomain: "cloned", Server: tenantstest.Second})
			return err
		},
		"from a file": func(m *lifecycle.Manager, _ string) error {
			_, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "imported", File: file, Server: tenantstest.Second})
			return err
		},
		"from a database": func(m *lifecycle.Manager, _ string) error {
			_, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "adopted", Source: source, Server: tenantstest.Second})
			return err
		},
		"export": func(m *lifecycle.Manager, to string) error {
			_, err := m.Export(t.Context(), "ada", "acme", lifecycle.Export{Path: to})
			return err
		},
	}
	for _, room := range []bool{false, true} {
		free := size / 4
		if room {
			free = 100 * size
		}
		store := storeOn(t, env, free)
		m := lifecycle.New(store, lifecycle.Options{
			Schema: notes.Schema(), Files: smallFiles{sqlite.Files{Schema: notes.Schema()}, free},
		})
		before := len(operations(t, env, "acme"))
		for _, name := range []string{"clone", "from a file", "from a database", "export", "move"} {
			to := filepath.Join(t.TempDir(), "export.db")
			err := copies[name](m, to)
			var refused *tenants.RoomError
			switch {
			case room && err != nil:
				t.Errorf("%s: %v", name, err)
			case !room && (!errors.As(err, &refused) || refused.Free != free || refused.Need < free):
				t.Errorf("%s without room: %v", name, err)
			}
			if _, err := os.Stat(to); (err == nil) != (room && name == "export") {
				t.Errorf("%s: the file: %v", name, err)
			}
		}
		made, err := env.Second.Survey(t.Context())
		if err != nil || !room && (len(made) > 0 || len(operations(t, env, "acme")) > before) {
			t.Errorf("without room there are %v, %v", made, err)
		}
		if err := store.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// storeOn opens a store whose servers have so many free bytes.
func storeOn(t *testing.T, env *tenantstest.Env, free int64) *tenants.Store {
	t.Helper()
	first, ok := env.Engine.(*sqlite.Engine)
	second, too := env.Second.(*sqlite.Engine)
	if !ok || !too {
		t.Fatalf("the engines are %T and %T", env.Engine, env.Second)
	}
	store, err := tenants.New(t.Context(), tenants.Options{
		Master: env.Store.Master(), MaxOpen: 2,
		Servers: map[string]tenants.Engine{tenants.DefaultServer: smallDisk{first, free}, tenantstest.Second: smallDisk{second, free}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}
