package postgres

import (
	"time"

	"tenantry/tenants"
)

var _ tenants.Divided = (*Engine)(nil)

// MaxConnections returns how many connections to tenants' databases that number of processes may have together:
// Config.MaxConns, or else what the server allows less what each process needs beside them.
func (e *Engine) MaxConnections(processes int) int {
	if e.config.MaxConns > 0 {
		return e.config.MaxConns
	}
	return max(processes, e.capacity-peopleConns-processes*processConns)
}

// ConnectionSetting returns the server's max_connections when the engine was opened, or 0 with Config.MaxConns.
func (e *Engine) ConnectionSetting() int { return e.setting }

// DemandedConnections returns the most connections that were used and waited for since it was last called.
func (e *Engine) DemandedConnections() int {
	return max(e.budget.demanded(), e.layout.queue().demanded())
}

// LimitConnections limits this process's connections to tenants' databases. Connections above the limit are
// closed as soon as they are unused. It returns the number that is in use, if it is above the limit, else the
// limit.
func (e *Engine) LimitConnections(limit int) (held int) {
	if queue := e.layout.queue(); queue != e.budget {
		queue.setLimit(limit)
	}
	return e.budget.setLimit(limit)
}

func (b *budget) demanded() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	peak := b.demand
	b.demand = b.used + b.waiting()
	return peak
}

// setLimit changes the limit, and returns the number of places in use if that is more. It never becomes more
// until the limit is raised.
func (b *budget) setLimit(limit int) (held int) {
	b.mu.Lock()
	b.limit = limit
	b.reckon(time.Now())
	b.serve()
	if b.excess() > 0 {
		b.crowd()
	}
	held = max(b.used, b.limit)
	resized := b.applyWidth()
	b.mu.Unlock()
	resizeAll(resized)
	return held
}

// excess returns how many places are in use above the limit. The caller holds the lock.
func (b *budget) excess() int { return max(0, b.used-b.limit) }
