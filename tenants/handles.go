package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNoHandle means that no handle of the tenant is open.
var ErrNoHandle = errors.New("the tenant has no open database")

// LeasedError means that a handle is in use and stays open.
type LeasedError struct {
	// Leases is the number of leases that are held or waited for.
	Leases int64
	// Processes are those that use it. It is empty for this process.
	Processes []string
}

// Error says how many leases there are.
func (e *LeasedError) Error() string {
	if len(e.Processes) == 0 {
		return fmt.Sprintf("the tenant's database is in use and stays open (scopes: %d)", e.Leases)
	}
	return fmt.Sprintf("the tenant's database is in use and stays open in %s (scopes: %d)", strings.Join(e.Processes, "; "), e.Leases)
}

// HandleOrder is an order of handles.
type HandleOrder string

// Orders of handles.
const (
	// BusiestFirst begins with the handle with most leases. Those without a lease follow, the most recently used first.
	BusiestFirst HandleOrder = "leases"
	// IdleFirst begins with the handle that was idle longest. Those with a lease follow.
	IdleFirst HandleOrder = "idle"
)

// HandleOrders returns all orders.
func HandleOrders() []HandleOrder { return []HandleOrder{BusiestFirst, IdleFirst} }

// compare compares two handles by the order.
func (o HandleOrder) compare(a, b Handle) int {
	if o == BusiestFirst {
		return cmp.Or(cmp.Compare(b.Leases, a.Leases), b.IdleSince.Compare(a.IdleSince))
	}
	return cmp.Or(cmp.Compare(min(a.Leases, 1), min(b.Leases, 1)), a.IdleSince.Compare(b.IdleSince))
}

// Handle describes an open handle.
type Handle struct {
	// Process has the name of the process, in the answer of Store.HandlesEverywhere.
	Process  string
	TenantID string
	// Subdomain and Server are those that the tenant had when the handle was opened.
	Subdomain, Server string
	OpenedAt          time.Time
	// IdleSince is when the last lease was released. It is zero while there is one.
	IdleSince time.Time
	// Leases is the number of scopes that use the handle now.
	Leases int
	// Connections is the number of open connections to the database.
	Connections int

	conns *Conns
}

// Handles returns at most limit of this process's open handles, without those that are being closed.
func (s *Store) Handles(order HandleOrder, limit int) []Handle { return s.pool.handles(order, limit) }

func (p *pool) handles(order HandleOrder, limit int) []Handle {
	leased, idle := p.leasedAndIdle(order, limit)
	all := append(idle, leased...)
	if order == BusiestFirst {
		slices.SortStableFunc(leased, func(a, b Handle) int { return cmp.Compare(b.Leases, a.Leases) })
		all = append(leased, idle...)
	}
	all = all[:min(limit, len(all))]
	for i := range all {
		all[i].Connections, _ = all[i].conns.count()
	}
	return all
}

// leasedAndIdle returns the handles that are leased, and the first limit of those that are not.
func (p *pool) leasedAndIdle(order HandleOrder, limit int) (leased, idle []Handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for e := p.busy.first; e != nil; e = e.next {
		leased = append(leased, e.describe())
	}
	for _, e := range p.draining {
		if e.leases > 0 {
			leased = append(leased, e.describe())
		}
	}
	if order == BusiestFirst {
		for e := p.idle.last; e != nil && len(idle) < limit; e = e.prev {
			idle = append(idle, e.describe())
		}
		return leased, idle
	}
	for e := p.idle.first; e != nil && len(idle) < limit; e = e.next {
		idle = append(idle, e.describe())
	}
	return leased, idle
}

// describe describes an entry whose handle is open. The caller holds the lock.
func (e *entry) describe() Handle {
	h := Handle{TenantID: e.tenant.ID, Subdomain: e.tenant.Subdomain, Server: e.tenant.Server, OpenedAt: e.openedAt, Leases: e.leases, conns: e.handle.conns}
	if e.leases == 0 {
		h.IdleSince = e.rested
	}
	return h
}

// CloseIdle closes the tenant's handle, and returns when it is closed; the next scope opens another one. Returns a
// *LeasedError if scopes use the handle or wait for it, ErrNoHandle if none is open, or ctx's error if it ends before the
// handle is closed.
func (s *Store) CloseIdle(ctx context.Context, tenantID string) error {
	e, err := s.pool.retireIdle(tenantID)
	if err != nil {
		return err
	}
	select {
	case <-e.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retireIdle retires the tenant's entry if it has no lease. It returns the entry also if its handle is already being closed.
func (p *pool) retireIdle(id string) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.uses(id); n > 0 {
		return nil, &LeasedError{Leases: n}
	}
	if e := p.entries[id]; e != nil {
		p.retire(e, nil)
		return e, nil
	}
	if e := p.draining[id]; e != nil {
		return e, nil
	}
	return nil, ErrNoHandle
}
