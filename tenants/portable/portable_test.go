package portable_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
)

func files() portable.Files { return sqlite.Files{Schema: sampleSchema()} }

// write writes the tenant's file.
func write(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, o portable.Options) (string, portable.About) {
	t.Helper()
	from, err := env.Engine.Rows(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	o.Schema = sampleSchema()
	path := filepath.Join(t.TempDir(), "tenant.db")
	a, err := portable.Write(t.Context(), files(), path, from, portable.About{Subdomain: tenant.Subdomain, ExportedAt: time.Now()}, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, a
}

// load makes a tenant whose database has the file's rows. The row in the master comes from an empty tenant.
func load(t *testing.T, env *tenantstest.Env, path, subdomain string) (*tenants.Tenant, error) {
	t.Helper()
	tenant := env.Tenant(t, subdomain)
	if err := env.Engine.Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	from, a, err := portable.Open(t.Context(), files(), path, sampleSchema())
	if err != nil {
		return nil, err
	}
	defer from.Close()
	return tenant, env.Engine.Load(t.Context(), tenant, from.Version(), func(ctx context.Context, into tenants.RowWriter) error {
		_, err := portable.Copy(ctx, from, into, portable.Options{Schema: sampleSchema(), Expected: a.Tables})
		return err
	})
}

// samplesOf returns the tenant's rows, with times in UTC.
func samplesOf(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (all []sample) {
	t.Helper()
	if err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Order("id").Find(&all).Error }); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].At = all[i].At.UTC()
		if all[i].Bytes != nil && len(all[i].Bytes) == 0 {
			all[i].Bytes = []byte{}
		}
	}
	return all
}

// fill writes n rows, and removes the last, so that the next key isn't the next number.
func fill(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, n int64) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		for id := range n {
			s := randomSample(random, id+1)
			if err := tx.Create(&s).Error; err != nil {
				return err
			}
		}
		if err := tx.Create(&secret{[]byte("classified token")}).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE samples SET parent_id = id + 1 WHERE id % 3 = 1 AND id < ?", n-1).Error; err != nil {
			return err
		}
		return tx.Delete(&sample{}, "id = ?", n).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestThereAndBack takes rows with every type of value from SQLite to Postgres and back, through files. They are the
// same everywhere, and new rows get keys that none has had.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs Postgres")
	}
	o := tenantstest.Options{Schema: sampleSchema()}
	lite := tenantstest.New(t, o)
	o.Engine = tenantstest.Postgres
	big := tenantstest.New(t, o)
	const n = 200
	first := lite.Tenant(t, "first")
	fill(t, lite, first, n)
	want := samplesOf(t, lite, first)
	if len(want) != n-1 {
		t.Fatalf("%d rows", len(want))
	}
	tenant, env := first, lite
	var sums []portable.Sum
	for i, next := range []*tenantstest.Env{lite, big, big, lite} {
		path, a := write(t, env, tenant, portable.Options{})
		if i == 3 && !reflect.DeepEqual(a.Tables, sums) { // both of the same rows on Postgres
			t.Errorf("leg %d: sums %v, want %v", i, a.Tables, sums)
		}
		sums = a.Tables
		var err error
		if tenant, err = load(t, next, path, "leg"+string(rune('a'+i))); err != nil {
			t.Fatalf("leg %d, to %s: %v", i, next.Kind, err)
		}
		env = next
		got := samplesOf(t, env, tenant)
		for row := range want {
			w, g := want[row], got[row]
			w.Document, g.Document = "", "" // jsonb formats it; the copy compares what it means
			if !reflect.DeepEqual(w, g) {
				t.Fatalf("leg %d, to %s: row %d is\n%+v, want\n%+v", i, env.Kind, row, g, w)
			}
		}
		expectNextKey(t, env, tenant, n+1+int64(i))
	}
}

// expectNextKey inserts a row that gets the next key, and removes it.
func expectNextKey(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, want int64) {
	t.Helper()
	s := sample{Document: "{}", Number: -5}
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		if err := tx.Create(&s).Error; err != nil {
			return err
		}
		return tx.Delete(&s).Error
	})
	if err != nil || s.ID != want {
		t.Errorf("on %s the next key is %d, %v; want %d", env.Kind, s.ID, err, want)
	}
}

// TestWithoutCredentials leaves credentials out of a file, also of its free pages.
func TestWithoutCredentials(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: sampleSchema()}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		fill(t, env, tenant, 20)
		path, a := write(t, env, tenant, portable.Options{Omit: sampleSchema().Credentials})
		content, err := os.ReadFile(path)
		if err != nil || bytes.Contains(content, []byte("classified")) || bytes.Contains(content, []byte("made by a migration")) {
			t.Errorf("the file has credentials, or %v", err)
		}
		if a.Rows() != 19 {
			t.Errorf("%d rows: %v", a.Rows(), a.Tables)
		}
		loaded, err := load(t, env, path, "copy")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samplesOf(t, env, loaded) {
			if s.Secret != nil {
				t.Fatal("a secret was copied")
			}
		}
	})
}
