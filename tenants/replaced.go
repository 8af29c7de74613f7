package tenants

import (
	"context"
	"fmt"
)

// ErrReplaced: the file of an open database was replaced or removed. Nothing is
// stored in it any more, and what is in its place is opened. It matches
// ErrUnavailable.
var ErrReplaced = fmt.Errorf("%w: its file was replaced or removed while it was open", ErrUnavailable)

// reopen retires a handle whose file is no longer in its place, and ends its
// scopes: the next lease opens what is there now.
func (s *Store) reopen(e *entry, err error) {
	if s.pool.discard(e, err) {
		s.log.Error("a database's file was replaced or removed while it was open; suspend a tenant before, and resume it afterwards",
			"tenant", e.tenant.Subdomain, "error", err)
	}
}

// discard has an entry give no more leases, and ends its scopes. It returns
// false where that was done already.
func (p *pool) discard(e *entry, cause error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.end(cause)
	if p.entries[e.tenant.ID] != e {
		return false
	}
	p.retire(e, cause)
	return true
}

// checkPlaces retires the handles whose files are no longer in their places. An
// idle handle would keep a removed file open until then.
func (s *Store) checkPlaces(ctx context.Context) {
	for _, e := range s.pool.ready() {
		if ctx.Err() != nil {
			return
		}
		_ = s.checkPlace(e)
	}
}

// CheckPlace returns ErrReplaced when this process had the tenant's database
// open and its file was replaced or removed. It is opened anew then.
func (s *Store) CheckPlace(tenantID string) error {
	s.pool.mu.Lock()
	e := s.pool.entries[tenantID]
	isReady := e != nil && e.state == ready
	s.pool.mu.Unlock()
	if !isReady {
		return nil
	}
	return s.checkPlace(e)
}

func (s *Store) checkPlace(e *entry) error {
	if e.handle.conns.Check == nil {
		return nil
	}
	err := e.handle.conns.Check()
	if err != nil {
		s.reopen(e, err)
	}
	return err
}

// ready are the entries that give leases.
func (p *pool) ready() (entries []*entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		if e.state == ready {
			entries = append(entries, e)
		}
	}
	return entries
}
