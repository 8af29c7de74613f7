package tenants

import (
	"context"
	"time"
)

// Load describes how many handles a store has open.
type Load struct {
	// Open is the number of handles that are open, opening or closing. Limit is its maximum.
	Open, Limit int
	// Leased is the number of open handles that scopes use.
	Leased int
	// Waiting is the number of tenants that wait for a slot.
	Waiting int
	// Opened counts the handles opened since the start, and Waits the leases that had to wait for a
	// slot.
	Opened, Waits uint64
	// Evicted counts the handles that gave their slot to another tenant, and Rested those that were
	// closed because no scope used them.
	Evicted, Rested uint64
}

// Load returns the present load of the store's handles.
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
	return Load{
		Open: p.slots, Limit: p.limit, Leased: leased, Waiting: p.queue.len, Opened: p.opens, Waits: p.waits,
		Evicted: p.evicted, Rested: p.rested,
	}
}

// HandleTimes returns how long the opening of handles took, and how long leases waited for a slot, also in
// vain.
func (s *Store) HandleTimes() (opened, waited Histogram) {
	return s.pool.opened.Histogram(), s.pool.waited.Histogram()
}

// Servers returns the names of the servers, sorted: those that the process is configured with, and those in the
// master.
func (s *Store) Servers() []string { return s.servers.names() }

// Connections describes an engine's connections to tenants' databases.
type Connections struct {
	// Used is the number of connections, Limit its maximum, and Waiting how many are waited for.
	Used, Limit, Waiting int
	// Changed counts the connections that waiters got from others, and Refused those who waited in
	// vain or were refused at once.
	Changed, Refused uint64
	// Wait is how long a scope that needs a new connection would probably wait for it now.
	Wait time.Duration
}

// ConnectionClass describes the connections for one class of work.
type ConnectionClass struct {
	Name string
	// Used is the number of connections, and Waiting how many are waited for.
	Used, Waiting int
	// Waits has how long others waited, also in vain.
	Waits Histogram
}

// Budgeted is an Engine that limits its connections.
type Budgeted interface {
	Engine
	// Connections returns the present numbers.
	Connections() Connections
	// ConnectionClasses returns them for each class of work.
	ConnectionClasses() []ConnectionClass
}

// Divided is an Engine on a server whose connections are divided among the processes that use it. The store
// tells it how many are this process's.
type Divided interface {
	Engine
	// MaxConnections returns how many connections to tenants' databases that number of processes may have together.
	MaxConnections(processes int) int
	// ConnectionSetting returns the server's own setting that bounds MaxConnections, which counts all connections to the
	// server. It is 0 if this program's configuration bounds them.
	ConnectionSetting() int
	// DemandedConnections returns the most connections that were used and waited for since it was last called.
	DemandedConnections() int
	// LimitConnections limits this process's connections, and closes those above the limit as soon as they are
	// unused. It returns the greater of the limit and the number that is still in use; that number doesn't increase.
	LimitConnections(limit int) (held int)
}

// Sizer is an Engine that can measure databases.
type Sizer interface {
	Engine
	// Size returns the size of the tenant's database on its server, in bytes, without opening it.
	// Returns ErrUnavailable if the database is missing or in the trash.
	Size(ctx context.Context, t *Tenant) (int64, error)
	// Sizes returns the sizes of all databases on the server, in bytes, by name. It opens none.
	Sizes(ctx context.Context) (map[string]int64, error)
}
