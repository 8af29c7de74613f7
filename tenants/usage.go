package tenants

import "slices"

// Usage is what a tenant uses of this process now.
type Usage struct {
	// Scopes is the number of scopes that have a lease on the tenant's handle.
	Scopes int
	// Waiting is how many wait for the handle, for a connection, or for their turn.
	Waiting int
	// Connections is the number of open connections to the tenant's database.
	Connections int
}

// Usage returns what tenants use, by their ids: those that have scopes, and the named ones that have a
// handle.
func (s *Store) Usage(ids []string) map[string]Usage { return s.pool.usage(ids) }

func (p *pool) usage(ids []string) map[string]Usage {
	used := map[string]Usage{}
	for _, e := range p.inUse(ids) {
		u := used[e.id]
		u.Scopes += e.leases
		u.Waiting += e.waiters
		if e.conns != nil {
			open, busy := e.conns.count()
			u.Connections += open
			u.Waiting += max(0, e.leases-busy)
		}
		used[e.id] = u
	}
	return used
}

// holding is what an entry of the pool has at one time.
type holding struct {
	id              string
	leases, waiters int
	conns           *Conns // nil while the handle is not open
}

// inUse returns what the entries have that are leased or waited for, and those of the named tenants.
func (p *pool) inUse(ids []string) (all []holding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add := func(e *entry) {
		if e.leases == 0 && e.waiters == 0 && !slices.Contains(ids, e.tenant.ID) {
			return
		}
		h := holding{id: e.tenant.ID, leases: e.leases, waiters: e.waiters}
		if e.handle != nil {
			h.conns = e.handle.conns
		}
		all = append(all, h)
	}
	for _, e := range p.entries {
		add(e)
	}
	for _, e := range p.draining {
		add(e)
	}
	return all
}

// count returns the numbers of open connections and of those in use.
func (c *Conns) count() (open, busy int) {
	stats := c.Write.Stats()
	open, busy = stats.OpenConnections, stats.InUse
	if c.Read != c.Write {
		stats = c.Read.Stats()
		open, busy = open+stats.OpenConnections, busy+stats.InUse
	}
	return open, busy
}
