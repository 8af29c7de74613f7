package tenants

import "time"

// maxSweeping limits the handles that a sweep closes at once. Closing a database may write to its file.
const maxSweeping = 4

// putIdle adds an entry without a lease to those that are idle. The caller holds the lock.
func (p *pool) putIdle(e *entry) {
	p.idle.push(e)
	e.rested = time.Now()
	if p.rest > 0 && p.sweeper == nil && !p.closed {
		p.sweeper = time.AfterFunc(p.rest, p.sweepInTime)
	}
}

// sweepInTime is what the timer runs.
func (p *pool) sweepInTime() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeper = nil
	p.sweep()
}

// sweep closes handles that were idle for p.rest, at most maxSweeping at once, and starts the timer for the next
// one. Each handle that has closed calls it again. The caller holds the lock.
func (p *pool) sweep() {
	if p.rest == 0 || p.closed {
		return
	}
	now := time.Now()
	for p.idle.len > 0 && p.closing < maxSweeping && now.Sub(p.idle.first.rested) >= p.rest {
		p.retire(p.idle.first, nil)
		p.rested++
	}
	if p.sweeper == nil && p.idle.len > 0 && p.closing < maxSweeping {
		p.sweeper = time.AfterFunc(p.idle.first.rested.Add(p.rest).Sub(now), p.sweepInTime)
	}
}
