package tenants

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
)

// BenchmarkRoute is a request's way from the host to a leased handle and back,
// with everything in memory. It must be flat in the number of tenants.
func BenchmarkRoute(b *testing.B) {
	for _, registered := range []int{1, 100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tenants=%d", registered), func(b *testing.B) {
			known := map[string]*Tenant{}
			hosts := make([]string, registered)
			for i := range registered {
				name := fmt.Sprintf("tenant-%d", i)
				known[name] = &Tenant{ID: name, Subdomain: name, State: StateActive, Epoch: 1}
				hosts[i] = name + ".localhost:8080"
			}
			domain := mustDomain(b, "localhost")
			s := &Store{log: slog.Default(), pool: newPool(2000, 0, openNothing)}
			s.registry = newTestRegistry(b, 100_000, &fakeMaster{tenants: known})
			route := func(host string) {
				subdomain, _ := domain.Subdomain(host)
				t, err := s.Lookup(context.Background(), subdomain)
				if err != nil {
					b.Fatal(err)
				}
				lease, err := s.pool.acquire(context.Background(), t, 0)
				if err != nil {
					b.Fatal(err)
				}
				s.pool.release(lease)
			}
			for _, host := range hosts {
				subdomain, _ := domain.Subdomain(host)
				if _, err := s.Lookup(context.Background(), subdomain); err != nil {
					b.Fatal(err)
				}
			}
			warm := hosts[:min(registered, 1000)]
			for _, host := range warm {
				s.pool.wait = openTimeout
				route(host)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				route(warm[i%len(warm)])
			}
		})
	}
}

func openNothing(context.Context, *Tenant) (*handle, error) {
	db := sql.OpenDB(nil)
	return &handle{conns: &Conns{Write: db, Read: db}}, nil
}
