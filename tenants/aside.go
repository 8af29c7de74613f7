package tenants

import "context"

// choreKey is the context key of AsChore.
type choreKey struct{}

// AsChore returns a context for work that no person waits for. An engine whose connections are scarce gives them to
// requests first.
func AsChore(ctx context.Context) context.Context { return context.WithValue(ctx, choreKey{}, true) }

// IsChore reports whether ctx is of AsChore.
func IsChore(ctx context.Context) bool { return ctx.Value(choreKey{}) == true }

// acquireAside is acquire, but a handle that has to be opened for it takes no slot, so that no other tenant's handle is
// closed for it. The caller must call releaseAside, and bounds the number of such leases.
func (p *pool) acquireAside(ctx context.Context, t *Tenant) (*entry, error) {
	p.mu.Lock()
	if p.closed || p.isStale(t) || p.entries[t.ID] != nil || p.draining[t.ID] != nil {
		p.mu.Unlock()
		return p.acquire(ctx, t, 0)
	}
	e := newEntry(t)
	e.aside, e.waiters = true, 1
	p.entries[t.ID] = e
	p.queue.push(e)
	p.start(e)
	p.mu.Unlock()
	return p.await(ctx, e)
}

// laneAside returns the lane in which scopes on handles of acquireAside take their turns before they open them, or nil if the
// tenant's database is on a server, which gives its connections to requests first.
func (s *Store) laneAside(t *Tenant) *lane {
	if engine := s.servers.known(t.Server); engine == nil || engine.Dialect() != "sqlite" {
		return nil
	}
	return s.turns.asideLane()
}

// releaseAside returns a lease of acquireAside. A handle that was opened for it is closed when the last lease of it is
// released, and grants no others.
func (p *pool) releaseAside(e *entry) {
	p.mu.Lock()
	if e.aside && e.state == ready {
		p.retire(e, nil)
	}
	p.mu.Unlock()
	p.release(e)
}

// take counts a handle that is opened: in a slot, or aside.
func (p *pool) take(e *entry, n int) {
	if e.aside {
		p.asides += n
		return
	}
	p.slots += n
}
