package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"tenantry/models"
)

// BenchmarkCreate compares the creation of a tenant's database with what it
// can't be faster than: the bare statement, on the same server in the same
// run. The databases are dropped outside of the timer.
func BenchmarkCreate(b *testing.B) {
	e := newEngine(b, config(b))
	if _, err := e.template.ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		benchmarkCreate(b, e, func(ctx context.Context, t *models.Tenant) error {
			return e.exec(ctx, "CREATE DATABASE %s", t.Database)
		})
	})
	b.Run("engine", func(b *testing.B) { benchmarkCreate(b, e, e.Create) })
}

func benchmarkCreate(b *testing.B, e *Engine, create func(context.Context, *models.Tenant) error) {
	for range b.N {
		b.StopTimer()
		id := strings.ToLower(ulid.Make().String())
		t := &models.Tenant{ID: id, Database: e.DatabaseName(id)}
		b.StartTimer()
		if err := create(b.Context(), t); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := e.Drop(b.Context(), t); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
