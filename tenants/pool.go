package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pool keeps at most limit handles open and leases them. A tenant's handle is
// opened once however many ask, reused while it is open, and closed when it is
// idle and its slot is wanted. It is never closed while it is leased.
//
// Whoever needs a handle that is not open waits in a queue, one place a
// tenant. When all slots are leased, the handle that has been busy longest
// gets no new leases (it drains), so that the queue moves on however busy the
// open tenants are.
type pool struct {
	open  func(ctx context.Context, t *Tenant) (*handle, error)
	limit int
	wait  time.Duration // for a slot and the opening

	mu       sync.Mutex        // guards what follows and the fields of every entry
	entries  map[string]*entry // by tenant's id: the entry that gives leases or will
	draining map[string]*entry // by tenant's id: the retired entry that is not closed yet
	idle     entryList         // entries without a lease, the one used longest ago first
	busy     entryList         // entries with a lease, the one busy longest first
	queue    entryList         // entries waiting for a slot, the next one first
	slots    int               // taken by handles opening, open, draining or closing
	closing  int               // handles without a lease that are being closed
	opens    uint64            // handles that began to open, ever
	waits    uint64            // leases for which no slot was free, ever
	closed   bool
	drained  chan struct{} // closed when closed and no slot is taken
}

// entryState is where an entry stands.
type entryState int

const (
	queued  entryState = iota // waits for a slot
	opening                   // has a slot
	ready                     // gives leases
	retired                   // gives no new leases; closed with the last one
)

// entry is a tenant's place in the pool.
type entry struct {
	tenant  *Tenant
	fence   int64 // the epoch before which the tenant is not leased, 0 for any
	state   entryState
	handle  *handle
	err     error         // why it could not be opened
	opened  chan struct{} // closed when handle or err is set
	leases  int
	waiters int           // become leases when the handle is open
	gone    chan struct{} // closed when it gives no leases, none is out and the handle is closed

	// ctx ends the scopes on the handle.
	ctx context.Context
	end context.CancelCauseFunc

	prev, next *entry // in idle, busy or queue
}

// openTimeout bounds the opening of a handle, which goes on when the one who
// asked first has left: others may wait for it.
const openTimeout = 10 * time.Second

func newPool(limit int, wait time.Duration, open func(context.Context, *Tenant) (*handle, error)) *pool {
	return &pool{
		open: open, limit: limit, wait: wait,
		entries: map[string]*entry{}, draining: map[string]*entry{}, drained: make(chan struct{}),
	}
}

// acquire leases the tenant's handle. The caller releases the entry. It
// returns ErrBusy when no slot came free in time, ErrUnavailable when the
// database did not open in time, ErrClosed, errStale, ctx's error when it was
// cancelled, or what the engine said.
func (p *pool) acquire(ctx context.Context, t *Tenant) (*entry, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if p.isStale(t) {
		p.mu.Unlock()
		return nil, errStale
	}
	e := p.entryFor(t)
	if e.state == ready {
		p.lease(e)
		p.mu.Unlock()
		return e, nil
	}
	e.waiters++
	p.advance()
	waits := e.state == queued
	if waits {
		p.waits++
	}
	p.mu.Unlock()
	if waits && runsIn(tenantScope) {
		return p.leave(e, errNestedElsewhere)
	}
	e, err := p.await(ctx, e)
	if err == nil && t.Epoch < e.tenant.Epoch { // it changed while the caller waited
		p.release(e)
		return nil, errStale
	}
	return e, err
}

// isStale tells whether the pool has heard of a change of the tenant since t was
// read: its handle is of a later epoch, or an operation waits for that to close.
// A tenant without a handle is looked up when it is opened.
func (p *pool) isStale(t *Tenant) bool {
	if e := p.entries[t.ID]; e != nil && t.Epoch < e.tenant.Epoch {
		return true
	}
	e := p.draining[t.ID]
	return e != nil && t.Epoch < e.fence
}

// release gives a lease back.
func (p *pool) release(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.leases--
	if e.leases > 0 {
		return
	}
	if e.state == retired {
		p.closeHandle(e)
		return
	}
	p.busy.remove(e)
	p.idle.push(e)
	p.advance()
}

// entryFor finds or makes the entry that gives t's leases. One that was opened
// before the tenant's epoch grew is retired.
func (p *pool) entryFor(t *Tenant) *entry {
	e := p.entries[t.ID]
	if e != nil && e.tenant.Epoch < t.Epoch {
		if e.state == queued {
			e.tenant = t
			return e
		}
		p.retire(e, errStale)
		e = nil
	}
	if e == nil {
		e = p.revive(t)
	}
	if e == nil {
		e = newEntry(t)
		p.queue.push(e)
		p.entries[t.ID] = e
	}
	return e
}

func newEntry(t *Tenant) *entry {
	e := &entry{tenant: t, opened: make(chan struct{}), gone: make(chan struct{})}
	e.ctx, e.end = context.WithCancelCause(context.Background())
	return e
}

// revive takes a draining entry back when nobody waits for its slot any more.
func (p *pool) revive(t *Tenant) *entry {
	e := p.draining[t.ID]
	if e == nil || e.leases == 0 || e.tenant.Epoch < t.Epoch || p.queue.len > 0 || e.ctx.Err() != nil {
		return nil
	}
	delete(p.draining, t.ID)
	p.entries[t.ID] = e
	e.state = ready
	p.busy.push(e)
	return e
}

// lease counts a lease of an open entry.
func (p *pool) lease(e *entry) {
	if e.leases == 0 {
		p.idle.remove(e)
		p.busy.push(e)
	}
	e.leases++
}

// await waits until e is open. The lease was counted by whoever opened it.
func (p *pool) await(ctx context.Context, e *entry) (*entry, error) {
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	var cause error
	select {
	case <-e.opened:
		return e, e.err
	case <-ctx.Done():
		cause = context.Cause(ctx)
	case <-timer.C:
		cause = context.DeadlineExceeded
	}
	return p.leave(e, cause)
}

// leave gives up a place in the queue, unless the lease came meanwhile.
func (p *pool) leave(e *entry, cause error) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-e.opened:
		return e, e.err
	default:
	}
	e.waiters--
	if e.state == queued && e.waiters == 0 {
		p.queue.remove(e)
		delete(p.entries, e.tenant.ID)
		e.over()
	}
	switch {
	case !errors.Is(cause, context.DeadlineExceeded):
		return nil, cause
	case e.state == queued:
		return nil, fmt.Errorf("wait for a handle: %w: %w", ErrBusy, cause)
	}
	return nil, fmt.Errorf("open database: %w: %w", ErrUnavailable, cause)
}

// advance gives slots to the queue, and frees slots while it is not empty.
func (p *pool) advance() {
	for e := p.queue.first; e != nil && p.slots < p.limit; {
		next := e.next
		if p.draining[e.tenant.ID] == nil { // a tenant has one handle at a time
			p.start(e)
		}
		e = next
	}
	if p.slots < p.limit {
		return // who still waits does so for a handle of the same tenant
	}
	for p.closing < p.queue.len && p.idle.len > 0 {
		p.retire(p.idle.first, nil)
	}
	for len(p.draining) < p.queue.len && p.busy.len > 0 {
		p.retire(p.busy.first, nil)
	}
}

// start opens an entry's handle, in a goroutine and under a context of its own.
func (p *pool) start(e *entry) {
	p.queue.remove(e)
	p.slots++
	p.opens++
	e.state = opening
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		defer cancel()
		handle, err := p.open(ctx, e.tenant)
		p.mu.Lock()
		defer p.mu.Unlock()
		e.handle, e.err = handle, err
		p.finish(e)
	}()
}

// finish hands an opened entry to those who wait for it.
func (p *pool) finish(e *entry) {
	close(e.opened)
	e.leases, e.waiters = e.waiters, 0
	switch {
	case e.err != nil:
		p.forget(e)
	case e.state == retired && e.leases == 0:
		p.closeHandle(e)
	case e.state == retired:
	case e.leases == 0:
		e.state = ready
		p.idle.push(e)
	default:
		e.state = ready
		p.busy.push(e)
	}
	p.advance()
}

// retire takes an entry out of use: it is closed with its last lease. Those who
// wait for a slot for it get the error.
func (p *pool) retire(e *entry, err error) {
	delete(p.entries, e.tenant.ID)
	was := e.state
	e.state = retired
	switch {
	case was == queued:
		p.queue.remove(e)
		e.err = err
		close(e.opened)
		e.over()
		return
	case was == ready && e.leases > 0:
		p.busy.remove(e)
	case was == ready:
		p.idle.remove(e)
		p.closeHandle(e)
	}
	p.draining[e.tenant.ID] = e // for one that is opening, finish goes on
}

// closeHandle closes a retired entry's handle outside of the lock. The slot is
// free once it is closed, so that descriptors stay under the limit.
func (p *pool) closeHandle(e *entry) {
	p.closing++
	go func() {
		_ = e.handle.close() // all transactions are over: nothing can be lost
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closing--
		p.forget(e)
		p.advance()
	}()
}

// over tells that nothing of the entry is left.
func (e *entry) over() {
	e.end(nil)
	close(e.gone)
}

// forget frees an entry's slot.
func (p *pool) forget(e *entry) {
	p.slots--
	e.over()
	if p.entries[e.tenant.ID] == e {
		delete(p.entries, e.tenant.ID)
	}
	if p.draining[e.tenant.ID] == e {
		delete(p.draining, e.tenant.ID)
	}
	if p.closed && p.slots == 0 {
		close(p.drained)
	}
}

// size is the number of handles that are open, opening or closing.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots
}

// close refuses new leases, waits for those that are out, and closes all
// handles. When ctx ends first, it returns ctx's error and the handles are
// closed as their leases end.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, e := range p.entries {
			p.retire(e, ErrClosed)
		}
		if p.slots == 0 {
			close(p.drained)
		}
	}
	p.mu.Unlock()
	select {
	case <-p.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close %d handles in use: %w", p.size(), context.Cause(ctx))
	}
}
