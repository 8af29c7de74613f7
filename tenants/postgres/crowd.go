package postgres

import (
	"cmp"
	"slices"
	"time"
)

// Connecting costs a server as much as tens of requests. A server whose connections change hands with
// every request does little else. So while a budget is crowded:
//
//   - each pool may have only its equal part of the connections, at least one. The tenant's requests
//     share them instead of pushing others out;
//   - a busy tenant keeps a connection for a while (hold);
//   - a connection that was kept for that long is closed when it returns to its pool; an unused one is
//     closed at once, in the least recently used pool first.
const (
	// changeTime times the limit is how long a connection is kept. At most 250 connections change hands
	// in a second, however many there are.
	changeTime = 4 * time.Millisecond
	// graceTime is how long a connection must be unused before its tenant counts as not busy.
	graceTime = 5 * time.Millisecond
	// calmTime is how long nobody must have waited before a budget is no longer crowded.
	calmTime = time.Second
)

// surrender reports whether a connection that returned to its pool must be closed for a waiter.
func (b *budget) surrender() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leaving >= b.waiters.Len() {
		return false
	}
	b.leaving++
	return true
}

// watchCrowd calls reclaim regularly while the budget is crowded, because a connection can become
// takeable just by the passing of time.
func (b *budget) watchCrowd() {
	ticker := time.NewTicker(graceTime)
	defer ticker.Stop()
	for b.resizePools() {
		b.reclaim()
		<-ticker.C
	}
}

// resizePools resizes the pools, and reports whether the budget is still crowded.
func (b *budget) resizePools() bool {
	resized, crowded := b.setWidths()
	for _, s := range resized {
		s.resize()
	}
	return crowded
}

// setWidths decides whether the budget is still crowded and how many connections each pool may have. It
// returns the pools for which that changed.
func (b *budget) setWidths() (resized []*share, crowded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.waiters.Len() > 0 {
		b.crowdedAt = now
	}
	width := max(1, b.limit/max(1, b.active))
	b.crowded = now.Sub(b.crowdedAt) < calmTime
	if !b.crowded {
		width = b.limit
	}
	if width == b.width {
		return nil, b.crowded
	}
	b.width = width
	for s := range b.pools {
		if want := min(s.full, width); want != s.width {
			s.width = want
			resized = append(resized, s)
		}
	}
	return resized, b.crowded
}

// reclaim makes pools close as many unused connections as there are waiters, beginning with the least
// recently used pools.
func (b *budget) reclaim() {
	shares, wanted := b.wanted()
	slices.SortFunc(shares, func(x, y *share) int { return cmp.Compare(x.touched.Load(), y.touched.Load()) })
	for _, s := range shares {
		if wanted <= 0 {
			return
		}
		if n := s.takeable(); n > 0 && s.startEviction(n) {
			wanted -= n
			go s.evict(n)
		}
	}
}

// wanted returns how many connections the waiters still need, and the pools that may give them.
func (b *budget) wanted() ([]*share, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := b.waiters.Len() - b.leaving
	if wanted <= 0 {
		return nil, 0
	}
	shares := make([]*share, 0, len(b.holders))
	for s := range b.holders {
		shares = append(shares, s)
	}
	return shares, wanted
}
