package console

import (
	"context"
	"sync"
	"time"

	"tenantry/tenants"
)

const (
	// sizesLife is how long sizes are kept: measuring thousands takes a server
	// seconds.
	sizesLife = time.Minute
	// sizesTimeout limits the time of a measurement.
	sizesTimeout = 20 * time.Second
)

// sizes keeps the sizes of all databases. It is safe for concurrent use.
type sizes struct {
	mu    sync.Mutex // guards the rest; held during a measurement
	until time.Time
	known map[string]map[string]int64 // by server and database
}

// of returns the sizes by server and database. It opens no tenant's database, and
// leaves out servers that don't answer.
func (s *sizes) of(ctx context.Context, store *tenants.Store, now time.Time) map[string]map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.until) {
		return s.known
	}
	ctx, cancel := context.WithTimeout(ctx, sizesTimeout)
	defer cancel()
	known := map[string]map[string]int64{}
	for _, name := range store.Servers() {
		engine, err := store.Server(name)
		if err != nil {
			continue
		}
		if sizer, ok := engine.(tenants.Sizer); ok {
			if found, err := sizer.Sizes(ctx); err == nil {
				known[name] = found
			}
		}
	}
	if ctx.Err() == nil {
		s.known, s.until = known, now.Add(sizesLife)
	}
	return known
}

// sizeIn returns the size of the tenant's database, or 0 if it isn't known.
func sizeIn(known map[string]map[string]int64, t *tenants.Tenant) int64 {
	return known[t.Server][t.Database]
}
