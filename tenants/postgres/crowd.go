package postgres

import (
	"cmp"
	"slices"
	"time"
)

// While a budget is crowded:
//
//   - each pool may have only its part of the connections, which follows from its tenant's weight, at least one. The
//     tenant's requests share them instead of pushing others out;
//   - a connection that was unused for a while is closed for a tenant that waits, in the least recently used
//     pool first;
//   - if that isn't enough, connections of busy tenants change hands, those that were held longest, at the
//     pace that their cost allows.
const (
	// tickTime is how often a crowded budget looks for connections to hand over.
	tickTime = 5 * time.Millisecond
	// graceTime is how long a connection must be unused before its tenant counts as not busy. The
	// requests of a busy tenant are that far apart when hundreds share the server.
	graceTime = 200 * time.Millisecond
	// calmTime is how long no tenant must have waited before a budget is no longer crowded. When pools get
	// their full width back, those of many busy tenants take connections from each other again.
	calmTime = 10 * time.Second
)

// surrender reports whether a connection that returned to its pool must be closed for a waiter. The caller
// has compared its age with b.before.
func (b *budget) surrender() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leaving >= b.waiting()+b.excess() || b.pace.credit < 1 {
		b.before.Store(0)
		return false
	}
	b.leaving++
	b.pace.spend(1)
	return true
}

// watchCrowd calls reclaim regularly while the budget is crowded, because a connection can become
// takeable just by the passing of time.
func (b *budget) watchCrowd() {
	ticker := time.NewTicker(tickTime)
	defer ticker.Stop()
	for b.resizePools() {
		b.reclaim()
		<-ticker.C
	}
}

// resizePools resizes the pools, and reports whether the budget is still crowded.
func (b *budget) resizePools() bool {
	resized, crowded := b.setWidths()
	resizeAll(resized)
	return crowded
}

func resizeAll(shares []*share) {
	for _, s := range shares {
		s.resize()
	}
}

// setWidths decides whether the budget is still crowded and how many connections each pool may have. It
// returns the pools for which that changed.
func (b *budget) setWidths() (resized []*share, crowded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	pressed := b.waiting()+b.excess() > 0
	if pressed {
		b.crowdedAt = now
	}
	b.crowded = pressed || len(b.pools) > 0 && now.Sub(b.crowdedAt) < calmTime
	return b.applyWidth(), b.crowded
}

// applyWidth sets the pools' widths, and returns the pools for which that is a change. The caller holds the lock.
func (b *budget) applyWidth() (resized []*share) {
	width := max(1, b.limit)
	if b.crowded {
		width = max(1, b.limit/max(1, b.active))
	}
	if width == b.width {
		return nil
	}
	b.width = width
	for s := range b.pools {
		if want := b.widthOf(s); want != s.width {
			s.width = want
			resized = append(resized, s)
		}
	}
	return resized
}

// reclaim makes pools close unused connections for the waiters, and allows the pools of busy tenants to hand
// over theirs.
func (b *budget) reclaim() {
	shares, wanted := b.wanted()
	if wanted == 0 {
		return
	}
	now := b.now()
	slices.SortFunc(shares, func(x, y *share) int { return cmp.Compare(x.touched.Load(), y.touched.Load()) })
	for _, s := range shares {
		if now-s.touched.Load() < int64(graceTime) || wanted == 0 {
			break
		}
		wanted -= s.give(wanted)
	}
	slices.SortFunc(shares, func(x, y *share) int { return cmp.Compare(x.dialled.Load(), y.dialled.Load()) })
	for _, s := range shares[:b.allow(shares, wanted)] {
		s.give(1)
	}
}

// allow decides how many of the connections that were held longest change hands now. The shares are sorted by
// that. The caller takes them from the first ones as far as they are unused; a pool of the first quarter closes
// one when it returns.
func (b *budget) allow(shares []*share, wanted int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.reckon(time.Now(), b.waiting())
	changes := min(wanted, len(shares), max(0, int(b.pace.credit)))
	oldest := max(2*changes, len(shares)/4) // several, because some may be long in a transaction
	switch {
	case changes == 0:
		b.before.Store(0)
	case oldest < len(shares):
		b.before.Store(shares[oldest].dialled.Load())
	default:
		b.before.Store(b.now())
	}
	return changes
}

// wanted returns how many connections must still be closed, for the waiters and for the limit, and the pools that
// may give them.
func (b *budget) wanted() ([]*share, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countServed(time.Now())
	wanted := b.waiting() + b.excess() - b.leaving
	if wanted <= 0 || b.lends {
		b.before.Store(0)
		return nil, 0
	}
	shares := make([]*share, 0, len(b.holders))
	for s := range b.holders {
		shares = append(shares, s)
	}
	return shares, wanted
}

// countServed reckons once a second how many waiters get places. It is called regularly while the budget is crowded;
// the caller holds the lock.
func (b *budget) countServed(now time.Time) {
	elapsed := now.Sub(b.servedAt)
	switch {
	case b.waiting() == 0:
		b.served = 0
	case elapsed < time.Second:
		return
	case elapsed < 2*time.Second:
		b.served = float64(b.turns-b.servedTurns) / elapsed.Seconds()
	}
	b.servedAt, b.servedTurns = now, b.turns
}
