package tenants

import (
	"context"
	"time"
)

// quiesce refuses leases of the tenant from before the epoch, and waits until all such leases are
// released and the handle is closed. After the grace period it cancels their scopes with cause. It
// returns ctx's error if ctx ends first.
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

// fenceOff retires the tenant's entry from before the epoch, and returns it if it is still in use.
// While it is, the pool refuses leases from before the epoch; afterwards open refuses them.
func (p *pool) fenceOff(id string, epoch int64) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[id]; e != nil && e.tenant.Epoch < epoch {
		p.retire(e, errStale)
	}
	e := p.draining[id]
	if e == nil || e.tenant.Epoch >= epoch {
		return nil
	}
	e.fence = max(e.fence, epoch)
	return e
}

// evacuate cancels all scopes with cause, and closes each handle when its scopes are over. Later
// callers get new handles.
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
