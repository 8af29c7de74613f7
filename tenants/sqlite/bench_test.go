package sqlite_test

import (
	"fmt"
	"testing"

	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkDurability compares commits that are on disk with commits that the
// next checkpoint puts there.
func BenchmarkDurability(b *testing.B) {
	for _, durability := range []sqlite.Durability{sqlite.Full, sqlite.Normal} {
		b.Run(string(durability), func(b *testing.B) {
			engine, err := sqlite.New(sqlite.Config{Dir: b.TempDir(), Schema: notes.Schema(), Durability: durability})
			must(b, err)
			defer engine.Close()
			tenant := create(b, engine)
			conns, err := engine.Open(b.Context(), tenant)
			must(b, err)
			defer conns.Close()
			_, err = conns.Write.Exec(insertFolder)
			must(b, err)
			for i := range b.N {
				_, err := conns.Write.Exec("UPDATE folders SET name = ?", fmt.Sprint(i))
				must(b, err)
			}
		})
	}
}

// BenchmarkExamine measures the doctor's work on one tenant.
func BenchmarkExamine(b *testing.B) {
	engine, _ := newEngine(b, notes.Schema())
	tenant := create(b, engine)
	tenant.SchemaVersion = engine.SchemaVersion()
	for b.Loop() {
		faults, err := engine.Examine(b.Context(), tenant)
		must(b, err)
		if len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
