package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tenantry/tenants"
)

// BenchmarkCreate compares the creation of a tenant's database with what it
// can't be faster than: bare statements for the database, the role and its
// grants, on the same server in the same run.
//
// A disk's speed drifts over a run by more than the difference, so "both" has
// them take turns and reports their medians in milliseconds and the ratio. The
// database alone, without a role, is there to see what roles cost.
func BenchmarkCreate(b *testing.B) {
	e := newEngine(b, config(b))
	if _, err := e.template.ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	database := func(ctx context.Context, t *tenants.Tenant) error {
		return e.exec(ctx, "CREATE DATABASE %s TEMPLATE %s", t.Database, e.template.name)
	}
	verifier, err := scramVerifier("password", make([]byte, 16), iterations)
	if err != nil {
		b.Fatal(err)
	}
	bare := func(ctx context.Context, t *tenants.Tenant) error {
		return errors.Join(database(ctx, t), e.exec(ctx, "CREATE ROLE %[1]s LOGIN PASSWORD '"+verifier+`' IN ROLE %[2]s;
			REVOKE ALL ON DATABASE %[1]s FROM PUBLIC; GRANT CONNECT ON DATABASE %[1]s TO %[1]s`, t.Database, e.group))
	}
	b.Run("bare", func(b *testing.B) {
		for range b.N {
			timeCreate(b, e, bare)
		}
	})
	b.Run("engine", func(b *testing.B) {
		for range b.N {
			timeCreate(b, e, e.Create)
		}
	})
	b.Run("both", func(b *testing.B) {
		var databases, bares, engines []time.Duration
		for range b.N {
			databases = append(databases, timeCreate(b, e, database))
			bares = append(bares, timeCreate(b, e, bare))
			engines = append(engines, timeCreate(b, e, e.Create))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(databases), "database-ms")
		b.ReportMetric(median(bares), "bare-ms")
		b.ReportMetric(median(engines), "engine-ms")
		b.ReportMetric(median(engines)/median(bares), "engine/bare")
	})
}

// timeCreate lets b's timer run for the creation alone. The database is dropped
// when the benchmark ends: a drop is a checkpoint, which would slow down what
// comes after it.
func timeCreate(b *testing.B, e *Engine, create func(context.Context, *tenants.Tenant) error) time.Duration {
	b.StopTimer()
	t := unmade(b, e)
	start := time.Now()
	b.StartTimer()
	err := create(b.Context(), t)
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// BenchmarkExamine measures the doctor's work on one tenant.
func BenchmarkExamine(b *testing.B) {
	e := newEngine(b, config(b))
	tenant := made(b, e)
	tenant.SchemaVersion = e.SchemaVersion()
	for b.Loop() {
		faults, err := e.Examine(b.Context(), tenant)
		if err != nil || len(faults) > 0 {
			b.Fatal(faults, err)
		}
	}
}
