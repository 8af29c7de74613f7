package tenants

import (
	"context"
	"fmt"
)

// ErrReplaced means that the file of an open database was replaced or removed. Nothing more is stored
// in it, and the file that replaced it is opened. It matches ErrUnavailable.
var ErrReplaced = fmt.Errorf("%w: its file was replaced or removed while it was open", ErrUnavailable)

// reopen retires a handle whose file was replaced or removed, and cancels its scopes. The next lease
// opens the new file.
func (s *Store) reopen(e *entry, err error) {
	if s.pool.discard(e, err) {
		s.log.Error("a database's file was replaced or removed while it was open; suspend a tenant before you replace its file, and resume it afterwards",
			"tenant", e.tenant.Subdomain, "error", err)
	}
}

// discard retires an entry and cancels its scopes. It returns false if the entry was retired already.
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

// retireReplaced retires the handles whose files were replaced or removed. Without it an idle handle
// would keep a removed file open.
func (s *Store) retireReplaced(ctx context.Context) {
	for _, e := range s.pool.ready() {
		if ctx.Err() != nil {
			return
		}
		_ = s.checkReplaced(e)
	}
}

// CheckReplaced returns ErrReplaced if this process has the tenant's database open and its file was
// replaced or removed. The next lease opens the new file.
func (s *Store) CheckReplaced(tenantID string) error {
	s.pool.mu.Lock()
	e := s.pool.entries[tenantID]
	isReady := e != nil && e.state == ready
	s.pool.mu.Unlock()
	if !isReady {
		return nil
	}
	return s.checkReplaced(e)
}

func (s *Store) checkReplaced(e *entry) error {
	if e.handle.conns.Check == nil {
		return nil
	}
	err := e.handle.conns.Check()
	if err != nil {
		s.reopen(e, err)
	}
	return err
}

// ready returns the entries that grant leases.
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
