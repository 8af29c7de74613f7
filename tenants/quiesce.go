package tenants

import (
	"context"
	"time"
)

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

// fenceOff retires the tenant's entry from before the epoch, and returns it while
// it is in use. Until it is closed the tenant as it was is not leased; after that
// open refuses it.
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
