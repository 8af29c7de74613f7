package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// inSchemasOnDisk is inSchemas on a server of its own.
func inSchemasOnDisk(b *testing.B, conns int) Config {
	c := inSchemas(b, pgcluster.New(b).URL())
	c.MaxConns = conns
	return c
}

// BenchmarkActiveSchemas compares a thousand tenants at work over 20 connections with one tenant, as BenchmarkActiveTenants
// does. The one has as many callers as there are connections for a tenant.
func BenchmarkActiveSchemas(b *testing.B) {
	const active, conns, rounds = 1000, 20, 3
	e := newEngine(b, inSchemasOnDisk(b, conns))
	handles := make([]*gorm.DB, active)
	for i := range handles {
		handles[i] = handle(b, e, made(b, e))
	}
	var warm crowd
	warm.work(b, handles) // each session reads about the tables that it will use
	for b.Loop() {
		var one, many crowd
		for range rounds {
			one.work(b, handles[:1])
			many.work(b, handles)
		}
		b.ReportMetric(float64(many.done())/float64(one.done()), "ratio")
		b.ReportMetric(float64(one.done())/one.worked.Seconds(), "one/s")
		b.ReportMetric(1000*float64(many.refused.Load())/float64(many.done()), "refused/1000")
		b.ReportMetric(many.slowest(), "median/slowest")
	}
}

// BenchmarkBeginAs compares the round trip that begins a scope with a bare BEGIN over the same connection, each with its
// ROLLBACK.
func BenchmarkBeginAs(b *testing.B) {
	const pairs = 500
	e := newEngine(b, inSchemasOnDisk(b, 4))
	tenant := made(b, e)
	s, err := e.layout.(*schemas).lenders.of(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	held, err := s.slots[0].pool.db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer held.Close()
	var bare, as []time.Duration
	for b.Loop() {
		err := held.Raw(func(of any) error {
			c := of.(*countedConn).conn
			for i := range 2 * pairs {
				role, times := "", &bare
				if i%2 == 1 {
					role, times = e.layout.roleOf(tenant.Database), &as
				}
				c.role, c.space = role, tenant.Database
				start := time.Now()
				var err error
				if role == "" {
					_, err = c.Conn.Conn().PgConn().Exec(b.Context(), "BEGIN").ReadAll()
				} else {
					err = c.beginRole(b.Context(), driver.TxOptions{})
				}
				*times = append(*times, time.Since(start))
				if err != nil {
					return err
				}
				if _, err := c.Conn.Conn().PgConn().Exec(b.Context(), "ROLLBACK").ReadAll(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(middle(as))/float64(middle(bare)), "ratio")
	b.ReportMetric(float64(middle(bare).Nanoseconds()), "bare-ns")
}

func middle(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// BenchmarkManySchemas reports what many schemas cost: 1,000 of them, and with TENANTRY_TEST_LONG=1 also 5,000. It makes tenants
// and compares scopes with those when there was one tenant. The next scope of each session after a tenant was made or removed
// has the server read again which roles the login role may become.
func BenchmarkManySchemas(b *testing.B) {
	counts := []int{1000}
	if os.Getenv("TENANTRY_TEST_LONG") != "" {
		counts = append(counts, 5000)
	}
	e := newEngine(b, inSchemasOnDisk(b, 8))
	first := made(b, e)
	few := scopeTime(b, e, first)
	lender, err := e.layout.(*schemas).lenders.of(b.Context(), first)
	if err != nil {
		b.Fatal(err)
	}
	slot := lender.take(0)
	defer slot.leave()
	session, err := slot.pool.db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	all := []*tenants.Tenant{first}
	for _, count := range counts {
		b.Run(fmt.Sprint("schemas=", count), func(sub *testing.B) {
			for len(all) < count {
				all = append(all, made(b, e))
			}
			for sub.Loop() {
				var creating, next []time.Duration
				for range 50 {
					start := time.Now()
					all = append(all, made(b, e))
					creating = append(creating, time.Since(start))
					next = append(next, beginTime(b, e, session, first))
				}
				sub.ReportMetric(float64(middle(creating).Microseconds())/1000, "create-ms")
				sub.ReportMetric(float64(middle(next).Microseconds())/1000, "next-begin-ms")
				sub.ReportMetric(float64(scopeTime(b, e, all[count/2]))/float64(few), "scope-ratio")
				var catalog int64
				err := e.admin.QueryRowContext(b.Context(), `SELECT sum(pg_total_relation_size(oid)) FROM pg_class
					WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'`).Scan(&catalog)
				if err != nil {
					sub.Fatal(err)
				}
				sub.ReportMetric(float64(catalog)/float64(len(all))/1024, "catalog-KB/tenant")
			}
		})
	}
}

// beginTime returns how long a scope of the tenant takes to begin in a session.
func beginTime(b *testing.B, e *Engine, session *sql.Conn, tenant *tenants.Tenant) (took time.Duration) {
	b.Helper()
	err := session.Raw(func(of any) error {
		c := of.(*countedConn).conn
		c.role, c.space = e.layout.roleOf(tenant.Database), tenant.Database
		start := time.Now()
		err := c.beginRole(b.Context(), driver.TxOptions{})
		took = time.Since(start)
		if err == nil {
			_, err = c.Conn.Conn().PgConn().Exec(b.Context(), "ROLLBACK").ReadAll()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// scopeTime returns how long a transaction that reads a row takes.
func scopeTime(b *testing.B, e *Engine, tenant *tenants.Tenant) time.Duration {
	b.Helper()
	conns, err := e.Open(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	defer conns.Close()
	db := over(e, conns)
	var times []time.Duration
	for range 500 {
		start := time.Now()
		err := db.WithContext(context.Background()).Transaction(func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	return middle(times)
}
