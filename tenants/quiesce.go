package tenants

import (
	"context"
	"time"
)

// fence keeps out leases of a tenant as it was before an epoch.
type fence struct {
	epoch int64
	set   time.Time
}

// fenceLife is how long a fence stands: longer than a request takes from the
// look-up of its tenant to its lease.
const fenceLife = 10 * time.Minute

// quiesce lets nobody lease the tenant's handle as it was before the epoch,
// and waits until those who do are through and the handle is closed. After
// grace their scopes are ended, with cause. It returns ctx's error when ctx
// ends first.
func (p *pool) quiesce(ctx context.Context, id string, epoch int64, grace time.Duration, cause error) error {
	e := p.fenceOff(id, epoch)
	if e == nil {
		return nil
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-e.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	e.end(cause)
	select {
	case <-e.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fenceOff sets the fence, and returns the entry that is still in use behind it.
func (p *pool) fenceOff(id string, epoch int64) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, f := range p.fences {
		if time.Since(f.set) > fenceLife {
			delete(p.fences, other)
		}
	}
	if p.fences[id].epoch < epoch {
		p.fences[id] = fence{epoch, time.Now()}
	}
	if e := p.entries[id]; e != nil && e.tenant.Epoch < epoch {
		p.retire(e, errStale)
	}
	if e := p.draining[id]; e != nil && e.tenant.Epoch < epoch {
		return e
	}
	return nil
}

// evacuate ends all scopes, with cause, and closes the handles as they end.
// Whoever comes later gets a new one.
func (p *pool) evacuate(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		e.end(cause)
		p.retire(e, cause)
	}
	for _, e := range p.draining {
		e.end(cause)
	}
}
