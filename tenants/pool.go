package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pool keeps at most limit handles open and leases them. It opens a tenant's handle once, however
// many callers ask, reuses it while it is open, and closes it when it is idle and its slot is needed.
// It never closes a leased handle.
//
// Callers that need a handle that is not open wait in a queue, which has one entry per tenant. When
// all slots are leased, the handle that has been busy longest drains: it gets no new leases, so that
// the queue advances however busy the open tenants are.
type pool struct {
	open  func(ctx context.Context, t *Tenant) (*handle, error)
	limit int
	wait  time.Duration // longest wait for a slot and for the handle to open
	rest  time.Duration // how long a handle stays open without a lease; 0 for as long as its slot isn't needed

	opened Durations // how long the openings took
	waited Durations // how long leases waited for a slot

	mu       sync.Mutex        // protects the fields below and those of every entry
	entries  map[string]*entry // by tenant id: the entry that grants leases or will
	draining map[string]*entry // by tenant id: the retired entry that is not closed yet
	idle     entryList         // entries without a lease, least recently used first
	busy     entryList         // entries with a lease, busy longest first
	queue    entryList         // entries waiting for a slot, next one first
	slots    int               // used by handles that are opening, open, draining or closing
	asides   int               // handles of acquireAside, which use no slots
	closing  int               // handles without a lease that are being closed
	opens    uint64            // handles opened since the start
	waits    uint64            // leases that had to wait for a slot since the start
	evicted  uint64            // handles that gave their slot to another tenant since the start
	rested   uint64            // handles closed by the sweep since the start
	sweeper  *time.Timer       // set while there are idle entries, if rest is set
	closed   bool
	drained  chan struct{} // closed when the pool is closed and no slot is used
}

// entryState is the state of an entry.
type entryState int

const (
	queued  entryState = iota // waits for a slot
	opening                   // has a slot; its handle is being opened
	ready                     // grants leases
	retired                   // grants no new leases; closed when the last one is released
)

// entry is a tenant in the pool.
type entry struct {
	tenant  *Tenant
	fence   int64 // leases of the tenant from before this epoch are refused; 0 for none
	state   entryState
	aside   bool // the handle uses no slot, as acquireAside opens it
	handle  *handle
	err     error         // why the handle could not be opened
	opened  chan struct{} // closed when handle or err is set
	leases  int
	rested  time.Time     // when the last lease was released
	waiters int           // callers that get a lease when the handle is open
	gone    chan struct{} // closed when the entry is retired, no lease is out and the handle is closed

	openedAt time.Time // when the handle was opened

	isUrgent bool          // a caller waits for the handle that is no job
	hurried  chan struct{} // closed when isUrgent is set

	// ctx is cancelled to end the scopes on the handle.
	ctx context.Context
	end context.CancelCauseFunc

	node[entry] // in idle, busy or queue
}

// openTimeout bounds the opening of a handle, or pool.wait if that is longer. The opening does not end when the first
// caller leaves, because others may wait for it.
const openTimeout = 10 * time.Second

func newPool(limit int, wait time.Duration, open func(context.Context, *Tenant) (*handle, error)) *pool {
	return &pool{
		open: open, limit: limit, wait: wait,
		entries: map[string]*entry{}, draining: map[string]*entry{}, drained: make(chan struct{}),
	}
}

// acquire leases the tenant's handle. The caller must release the entry. Returns a *LimitError if most
// leases of the tenant are out or waited for, unless most is 0; ErrBusy if no slot came free in time, ErrUnavailable if the database did not open in time, ErrClosed, errStale, ctx's
// error if it was cancelled, or the engine's error.
func (p *pool) acquire(ctx context.Context, t *Tenant, most int64) (*entry, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if p.isStale(t) {
		p.mu.Unlock()
		return nil, errStale
	}
	if most > 0 && p.uses(t.ID) >= most {
		p.mu.Unlock()
		return nil, &LimitError{ErrTooManyScopes, most, scopeEnds}
	}
	e := p.entryFor(t)
	if e.state == ready {
		p.lease(e)
		p.mu.Unlock()
		return e, nil
	}
	e.waiters++
	e.hurryFor(ctx)
	p.advance()
	waits := e.state == queued
	if waits {
		p.waits++
	}
	p.mu.Unlock()
	if waits && runsIn(tenantScope) {
		return p.leave(e, errNestedElsewhere)
	}
	begun := time.Now()
	e, err := p.await(ctx, e)
	if waits {
		p.waited.Add(time.Since(begun))
	}
	if err == nil && t.Epoch < e.tenant.Epoch { // the tenant changed while the caller waited
		p.release(e)
		return nil, errStale
	}
	return e, err
}

// isStale reports whether the pool knows of a change of the tenant since t was read: its handle is of
// a later epoch, or an operation waits for the handle to close. For a tenant without a handle, open
// compares t with the master.
func (p *pool) isStale(t *Tenant) bool {
	if e := p.entries[t.ID]; e != nil && t.Epoch < e.tenant.Epoch {
		return true
	}
	e := p.draining[t.ID]
	return e != nil && t.Epoch < e.fence
}

// scopeEnds is the time within which most scopes end.
const scopeEnds = time.Second

// uses returns the number of leases of a tenant that are out or waited for. The caller holds the lock.
func (p *pool) uses(id string) int64 {
	n := 0
	for _, e := range [...]*entry{p.entries[id], p.draining[id]} {
		if e != nil {
			n += e.leases + e.waiters
		}
	}
	return int64(n)
}

// release returns a lease.
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
	p.putIdle(e)
	p.advance()
}

// entryFor returns the entry that leases t's handle, and makes one if needed. It retires an entry
// that was opened before the tenant's epoch increased.
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
	e := &entry{tenant: t, opened: make(chan struct{}), gone: make(chan struct{}), hurried: make(chan struct{})}
	e.ctx, e.end = context.WithCancelCause(context.Background())
	return e
}

// revive puts a draining entry back into use if no caller waits for its slot any more.
func (p *pool) revive(t *Tenant) *entry {
	e := p.draining[t.ID]
	if e == nil || e.leases == 0 || e.aside || e.tenant.Epoch < t.Epoch || p.queue.len > 0 || e.ctx.Err() != nil {
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

// await waits until e is open. finish has counted the caller's lease by then.
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
		cause = fmt.Errorf("no longer than %v: %w", p.wait, context.DeadlineExceeded)
	}
	return p.leave(e, cause)
}

// leave gives up a place in the queue, unless the lease was granted meanwhile.
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

// advance gives free slots to the queue, and frees more slots while entries wait.
func (p *pool) advance() {
	for e := p.queue.first; e != nil && p.slots < p.limit; {
		next := e.next
		if p.draining[e.tenant.ID] == nil { // a tenant has at most one handle
			p.start(e)
		}
		e = next
	}
	if p.slots < p.limit {
		return // the entries that remain wait for the tenant's old handle to close
	}
	for p.closing < p.queue.len && p.idle.len > 0 {
		p.retire(p.idle.first, nil)
		p.evicted++
	}
	for len(p.draining) < p.queue.len && p.busy.len > 0 {
		p.retire(p.busy.first, nil)
		p.evicted++
	}
}

// start opens an entry's handle in a goroutine, under a context of its own.
func (p *pool) start(e *entry) {
	p.queue.remove(e)
	p.take(e, 1)
	p.opens++
	e.state = opening
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), max(openTimeout, p.wait))
		defer cancel()
		if e.aside {
			ctx = AsChore(ctx)
		} else {
			ctx = AsJobUntil(ctx, e.hurried)
		}
		begun := time.Now()
		handle, err := p.open(ctx, e.tenant)
		p.opened.Add(time.Since(begun))
		p.mu.Lock()
		defer p.mu.Unlock()
		e.handle, e.err, e.openedAt = handle, err, time.Now()
		p.finish(e)
	}()
}

// finish gives leases on an opened entry to all its waiters.
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
		p.putIdle(e)
		if e.aside { // its only caller gave up
			p.retire(e, nil)
		}
	default:
		e.state = ready
		p.busy.push(e)
	}
	p.advance()
}

// retire takes an entry out of use. Its handle is closed when the last lease is released. Callers
// that wait for the entry to get a slot get err.
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
	p.draining[e.tenant.ID] = e // if it is still opening, finish closes it
}

// closeHandle closes a retired entry's handle without holding the lock. The slot is freed afterwards,
// so that the number of open descriptors stays under the limit.
func (p *pool) closeHandle(e *entry) {
	p.closing++
	go func() {
		_ = e.handle.close() // no transaction is running: nothing can be lost
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closing--
		p.forget(e)
		p.advance()
		p.sweep()
	}()
}

// over marks the entry as gone.
func (e *entry) over() {
	e.end(nil)
	close(e.gone)
}

// forget removes an entry and frees its slot.
func (p *pool) forget(e *entry) {
	p.take(e, -1)
	e.over()
	if p.entries[e.tenant.ID] == e {
		delete(p.entries, e.tenant.ID)
	}
	if p.draining[e.tenant.ID] == e {
		delete(p.draining, e.tenant.ID)
	}
	if p.closed && p.slots+p.asides == 0 {
		close(p.drained)
	}
}

// size returns the number of handles that are open, opening or closing.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slots + p.asides
}

// close refuses new leases, waits until all are released, and closes all handles. If ctx ends first
// it returns ctx's error, and the handles are closed as their leases are released.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		if p.sweeper != nil {
			p.sweeper.Stop()
		}
		for _, e := range p.entries {
			p.retire(e, ErrClosed)
		}
		if p.slots+p.asides == 0 {
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
