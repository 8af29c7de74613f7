package tenants

import (
	"context"
	"maps"
	"slices"
)

// Load is how much of what a store may have open is open.
type Load struct {
	// Open are the handles that are open, opening or closing, of at most Limit.
	Open, Limit int
	// Leased are those of them that scopes use.
	Leased int
	// Waiting are the tenants for which somebody waits until a slot is free.
	Waiting int
	// Opened and Waits count, since the start, the handles that were opened and
	// the leases for which there was no slot at once.
	Opened, Waits uint64
}

// Load tells of the store's handles as they are now.
func (s *Store) Load() Load { return s.pool.load() }

func (p *pool) load() Load {
	p.mu.Lock()
	defer p.mu.Unlock()
	leased := p.busy.len
	for _, e := range p.draining {
		if e.leases > 0 {
			leased++
		}
	}
	return Load{Open: p.slots, Limit: p.limit, Leased: leased, Waiting: p.queue.len, Opened: p.opens, Waits: p.waits}
}

// Servers are the names of the configured servers, in order.
func (s *Store) Servers() []string { return slices.Sorted(maps.Keys(s.servers)) }

// Connections are the connections of a server to tenants' databases, of at most
// Limit, and how many more somebody waits for.
type Connections struct{ Used, Limit, Waiting int }

// Budgeted is an Engine that holds its connections to a limit.
type Budgeted interface {
	Engine
	// Connections tells of them as they are now.
	Connections() Connections
}

// Sizer is an Engine that tells how large databases are.
type Sizer interface {
	Engine
	// Size is what the tenant's database takes on its server, in bytes, without
	// opening it. One that is not there, or in the trash, is ErrUnavailable.
	Size(ctx context.Context, t *Tenant) (int64, error)
	// Sizes are those of all databases on the server, by their names, in bytes.
	// None is opened.
	Sizes(ctx context.Context) (map[string]int64, error)
}
