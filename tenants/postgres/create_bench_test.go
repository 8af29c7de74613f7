package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"tenantry/models"
)

// BenchmarkCreate compares the creation of a tenant's database with what it
// can't be faster than: the bare statement, on the same server in the same
// run.
//
// A disk's speed drifts over a run by more than the difference, so "both" has
// them take turns and reports their medians in milliseconds and the ratio.
func BenchmarkCreate(b *testing.B) {
	e := newEngine(b, config(b))
	if _, err := e.template.ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare := func(ctx context.Context, t *models.Tenant) error {
		return e.exec(ctx, "CREATE DATABASE %s TEMPLATE %s", t.Database, e.template.name)
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
		var bares, engines []time.Duration
		for range b.N {
			bares = append(bares, timeCreate(b, e, bare))
			engines = append(engines, timeCreate(b, e, e.Create))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(bares), "bare-ms")
		b.ReportMetric(median(engines), "engine-ms")
		b.ReportMetric(median(engines)/median(bares), "engine/bare")
	})
}

// timeCreate lets b's timer run for the creation alone. The database is dropped
// when the benchmark ends: a drop is a checkpoint, which would slow down what
// comes after it.
func timeCreate(b *testing.B, e *Engine, create func(context.Context, *models.Tenant) error) time.Duration {
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
