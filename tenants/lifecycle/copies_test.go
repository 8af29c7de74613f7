package lifecycle_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// copiesSchema is that of notes, in which tables are credentials.
func copiesSchema() tenants.Schema {
	schema := notes.Schema()
	schema.Credentials = []string{"notes", "people"}
	return schema
}

func folderNames(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (names []string) {
	t.Helper()
	err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Order("name").Pluck("name", &names).Error })
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func addFolder(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, name string) {
	t.Helper()
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&notes.Folder{Name: name}).Error, tx.Create(&notes.Person{Email: name + "@example.com"}).Error)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCloneAndFile clones a tenant, and creates one from its file. Each is a tenant of its own with the rows, without
// tables of credentials.
func TestCloneAndFile(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: copiesSchema()}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		addFolder(t, env, acme, "one")
		m := env.Lifecycle
		clone, err := m.Clone(t.Context(), "ada", "acme", lifecycle.NewTenant{Subdomain: "clone"})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "acme.db")
		if _, err := m.Export(t.Context(), "ada", "acme", lifecycle.Export{Path: path}); err != nil {
			t.Fatal(err)
		}
		created, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "created", File: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range []*tenants.Tenant{clone, created} {
			addFolder(t, env, made, "two")
			var people int64
			err := env.Store.View(t.Context(), made, func(tx *gorm.DB) error { return tx.Model(&notes.Person{}).Count(&people).Error })
			if names := folderNames(t, env, made); err != nil || len(names) != 2 || made.State != tenants.StateActive || people != 1 {
				t.Errorf("%s has %q and %d people, %v", made.Subdomain, names, people, err)
			}
		}
		if names := folderNames(t, env, acme); len(names) != 1 {
			t.Errorf("acme has %q", names)
		}
	})
}

// TestFileThatIsNotRight leaves nothing of a tenant behind whose file was refused, before and while it is copied.
func TestFileThatIsNotRight(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: copiesSchema()})
	acme := env.Tenant(t, "acme")
	addFolder(t, env, acme, "a folder of that name")
	path := filepath.Join(t.TempDir(), "acme.db")
	if _, err := env.Lifecycle.Export(t.Context(), "ada", "acme", lifecycle.Export{Path: path}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string][]byte{"half": content[:len(content)/2], "text": []byte("text"), "changed": changed(content)} {
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: name, File: path}); err == nil {
			t.Errorf("%s was created", name)
		}
		if _, err := env.Lifecycle.Get(t.Context(), name); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	objects, err := env.Engine.Survey(t.Context())
	if err != nil || len(objects) != 1 {
		t.Errorf("on the server are %v, %v", objects, err)
	}
	if _, err := env.Lifecycle.Clone(t.Context(), "ada", "nobody", lifecycle.NewTenant{Subdomain: "clone"}); !errors.Is(err, tenants.ErrUnknownTenant) {
		t.Errorf("error %v", err)
	}
}

// changed returns the content with another name of the folder wherever it is, so that indexes agree with it.
func changed(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte("a folder of that name"), []byte("a folder of this name"))
}
