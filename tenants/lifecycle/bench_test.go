package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/pgcluster"
)

// BenchmarkCreate compares the creation of a tenant, with the ledger and all, to
// what it can't be faster than: on SQLite a durable copy of the template's file,
// on Postgres bare statements for the database, the role and its grants. The two
// take turns, as a disk's speed drifts by more than the difference; medians are
// reported, and their ratio.
func BenchmarkCreate(b *testing.B) {
	for kind, floor := range map[tenantstest.Engine]func(*testing.B, *tenantstest.Env) func(i int) error{
		tenantstest.SQLite: durableCopies, tenantstest.Postgres: bareDatabases,
	} {
		b.Run(string(kind), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: kind})
			bare := floor(b, env)
			var floors, creations []time.Duration
			for i := 0; b.Loop(); i++ {
				floors = append(floors, took(b, func() error { return bare(i) }))
				creations = append(creations, took(b, func() error {
					_, err := env.Lifecycle.Create(b.Context(), lifecycle.NewTenant{Subdomain: fmt.Sprintf("t%d", i)})
					return err
				}))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(floors), "floor-ms")
			b.ReportMetric(median(creations), "create-ms")
			b.ReportMetric(median(creations)/median(floors), "create/floor")
		})
	}
}

func took(b *testing.B, do func() error) time.Duration {
	b.Helper()
	start := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// durableCopies writes the i-th copy of a tenant's file, syncs it, gives it its
// name and syncs the folder.
func durableCopies(b *testing.B, env *tenantstest.Env) func(i int) error {
	content, err := os.ReadFile(filepath.Join(env.Dir, "tenants", env.Tenant(b, "first").Database))
	check(b, err)
	dir := b.TempDir()
	folder, err := os.Open(dir)
	check(b, err)
	b.Cleanup(func() { check(b, folder.Close()) })
	return func(i int) error {
		name := filepath.Join(dir, fmt.Sprintf("%d.db", i))
		f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		return errors.Join(err, f.Sync(), f.Close(), os.Rename(name+".tmp", name), folder.Sync())
	}
}

// bareDatabases makes the i-th copy of the template, a role, and its grants. They
// are dropped when the benchmark ends: a drop is a checkpoint, which would slow
// down what comes after it.
func bareDatabases(b *testing.B, env *tenantstest.Env) func(i int) error {
	conn, err := pgx.Connect(b.Context(), pgcluster.URL(b))
	check(b, err)
	first := env.Tenant(b, "first").Database
	var template, group string
	check(b, conn.QueryRow(b.Context(), `SELECT datname, g.rolname FROM pg_database, pg_auth_members m
		JOIN pg_roles r ON r.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
		WHERE r.rolname = $1 AND datistemplate AND starts_with(datname, 'tenantry_template_')`, first).Scan(&template, &group))
	made := 0
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for i := range made {
			_, failed := conn.Exec(ctx, fmt.Sprintf("DROP DATABASE bare_%d WITH (FORCE)", i))
			_, err := conn.Exec(ctx, fmt.Sprintf("DROP ROLE bare_%d", i))
			check(b, errors.Join(failed, err))
		}
		check(b, conn.Close(ctx))
	})
	return func(i int) error {
		made = i + 1
		name := fmt.Sprintf("bare_%d", i)
		_, failed := conn.Exec(b.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template)
		_, err := conn.Exec(b.Context(), fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'password' IN ROLE %[2]s;
			REVOKE ALL ON DATABASE %[1]s FROM PUBLIC; GRANT CONNECT ON DATABASE %[1]s TO %[1]s`, name, group))
		return errors.Join(failed, err)
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDoctor examines a fleet of fifty tenants.
func BenchmarkDoctor(b *testing.B) {
	for _, kind := range tenantstest.Engines() {
		b.Run(string(kind), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: kind})
			for i := range 50 {
				env.Tenant(b, fmt.Sprintf("t%d", i))
			}
			for b.Loop() {
				_, err := env.Lifecycle.Doctor(b.Context(), lifecycle.Checkup{Keys: env.Keys})
				check(b, err)
			}
		})
	}
}
