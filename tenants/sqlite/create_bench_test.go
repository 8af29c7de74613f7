package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tenantry/models"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
)

// BenchmarkCreate compares the creation of a tenant, registration in the master
// included, with its floor: a durable copy of the template's file. The two take
// turns, so that a change of the disk's mood meets both.
func BenchmarkCreate(b *testing.B) {
	env := tenantstest.New(b, tenantstest.Options{})
	first := env.Tenant(b, "first")
	content, err := os.ReadFile(filepath.Join(env.Dir, "tenants", first.Database))
	must(b, err)
	copies := b.TempDir()
	var floor, create stopwatch
	for i := range b.N {
		floor.time(func() { must(b, durableCopy(copies, fmt.Sprintf("%d.db", i), content)) })
		create.time(func() {
			_, err := env.Lifecycle.Create(b.Context(), lifecycle.NewTenant{Subdomain: fmt.Sprintf("t%d", i)})
			must(b, err)
		})
	}
	b.ReportMetric(floor.median(), "floor-ms")
	b.ReportMetric(create.median(), "create-ms")
	b.ReportMetric(create.median()/floor.median(), "ratio")
}

// durableCopy writes a file, syncs it, gives it its name and syncs the folder.
func durableCopy(dir, name string, content []byte) error {
	temporary := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close(), os.Rename(temporary, filepath.Join(dir, name))); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// BenchmarkDurability compares commits that are on disk with commits that the
// next checkpoint puts there.
func BenchmarkDurability(b *testing.B) {
	for _, durability := range []sqlite.Durability{sqlite.Full, sqlite.Normal} {
		b.Run(string(durability), func(b *testing.B) {
			engine, err := sqlite.New(sqlite.Config{Dir: b.TempDir(), Schema: models.Workspace(), Durability: durability})
			must(b, err)
			defer engine.Close()
			tenant := create(b, engine)
			conns, err := engine.Open(b.Context(), tenant)
			must(b, err)
			defer conns.Close()
			_, err = conns.Write.Exec(insertProject)
			must(b, err)
			for i := range b.N {
				_, err := conns.Write.Exec("UPDATE projects SET name = ?", fmt.Sprint(i))
				must(b, err)
			}
		})
	}
}
