package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
)

// TestTrashCutsConnections trashes under sessions of the tenant's and of the
// provisioner's.
func TestTrashCutsConnections(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		db := handle(t, s.Engine, tenant)
		if err := db.Create(&notes.Folder{Name: "kept"}).Error; err != nil {
			t.Fatal(err)
		}
		conn, err := connector{server: s.server, database: tenant.Database}.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := s.Trash(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		wantError(t, "statement of a cut session", db.Exec("SELECT 1").Error, tenants.ErrUnavailable)
		for _, database := range []string{tenant.Database, trashName(tenant.Database), s.server.Database} {
			if err := attempt(t, s.loginOf(t, tenant), database, "SELECT 1"); err == nil {
				t.Errorf("the tenant's role connects to %s", database)
			}
		}
		if err := attempt(t, s.root, trashName(tenant.Database), "SELECT 1"); stateOf(err) != "55000" {
			t.Errorf("connect to the trash: %v", err)
		}
		if err := s.Untrash(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		wantUsable(t, handle(t, s.Engine, tenant))
	})
}

// TestTrashThatDied has every state between two statements of Trash and of
// Untrash, and finishes it in either direction.
func TestTrashThatDied(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	ctx := t.Context()
	states := map[string]func(name, verifier string) error{
		"untouched": func(string, string) error { return nil },
		"shut":      func(name, _ string) error { return e.layout.shut(ctx, name, name) },
		"renamed": func(name, _ string) error {
			return errors.Join(e.layout.shut(ctx, name, name), e.rename(ctx, name, trashName(name)))
		},
	}
	for state, reach := range states {
		for name, finish := range map[string]func(context.Context, *tenants.Tenant) error{"trash": e.Trash, "untrash": e.Untrash} {
			t.Run(state+" then "+name, func(t *testing.T) {
				tenant := made(t, e)
				verifier, err := e.verifier(tenant)
				if err := errors.Join(err, reach(tenant.Database, verifier)); err != nil {
					t.Fatal(err)
				}
				if err := finish(t.Context(), tenant); err != nil {
					t.Fatal(err)
				}
				_, err = e.Open(t.Context(), tenant)
				if trashed := name == "trash"; trashed != errors.Is(err, tenants.ErrUnavailable) {
					t.Errorf("open: %v", err)
				}
				if err := e.Untrash(t.Context(), tenant); err != nil {
					t.Fatal(err)
				}
				wantUsable(t, handle(t, e, tenant))
			})
		}
	}
}

func TestTrashRefusesTwoDatabases(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	if err := e.exec(t.Context(), "CREATE DATABASE %s", trashName(tenant.Database)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"trash": e.Trash(t.Context(), tenant), "untrash": e.Untrash(t.Context(), tenant)} {
		wantError(t, what, err, tenants.ErrUnavailable)
		if !strings.Contains(err.Error(), trashName(tenant.Database)) {
			t.Errorf("%s: %v doesn't name both", what, err)
		}
	}
	if err := e.Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, e, "SELECT count(*)::text FROM pg_database WHERE datname = $1", trashName(tenant.Database)); got != "0" {
		t.Error("Drop left the one in the trash")
	}
}

// TestTrashUnderAnAdministrator has a session that an ordinary provisioner may
// not cut.
func TestTrashUnderAnAdministrator(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		if s.server.User == s.root.User {
			t.Skip("a superuser may cut every session")
		}
		tenant := made(t, s.Engine)
		conn, err := connector{server: s.root, database: tenant.Database}.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, "trash", s.Trash(t.Context(), tenant), tenants.ErrUnavailable, errInUse)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Trash(t.Context(), tenant); err != nil {
			t.Error(err)
		}
	})
}
