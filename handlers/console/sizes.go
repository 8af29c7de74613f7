package console

import (
	"context"
	"sync"
	"time"

	"tenantry/tenants"
)

const (
	// sizesLife is how long sizes are remembered: to measure thousands takes a
	// server seconds.
	sizesLife = time.Minute
	// sizesTimeout bounds the measuring.
	sizesTimeout = 20 * time.Second
)

// sizes remembers how large all databases are. It is safe for concurrent use.
type sizes struct {
	mu    sync.Mutex // guards what follows, and is held while it is measured
	until time.Time
	known map[string]map[string]int64 // by server and database
}

// of returns the sizes by server and database. No tenant's database is opened.
// Servers that can't be asked are left out.
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

// sizeIn is what the tenant's database takes, 0 where that isn't known.
func sizeIn(known map[string]map[string]int64, t *tenants.Tenant) int64 {
	return known[t.Server][t.Database]
}
