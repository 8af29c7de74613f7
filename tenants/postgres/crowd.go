package postgres

import (
	"cmp"
	"slices"
	"time"
)

// Connecting costs a server as much as tens of requests, so one whose
// connections change hands with every request does little else. While a budget
// is crowded, therefore:
//
//   - each pool may have its even part of the connections only, at least one:
//     a tenant's requests share what it has, instead of pushing others out;
//   - a tenant that has work keeps a connection for a while (hold);
//   - a connection that was kept for that long is given up when it comes back,
//     and one that is not used, by the pool used longest ago first, at once.
const (
	// changeTime times the limit is how long a connection is kept, so that not
	// more than 250 connections change hands in a second, however many there are.
	changeTime = 4 * time.Millisecond
	// graceTime is how long a connection is unused before its tenant counts as
	// having no work.
	graceTime = 5 * time.Millisecond
	// calmTime is how long nobody has waited when a budget ceases to be crowded.
	calmTime = time.Second
)

// surrender says whether a connection that came back is to be closed for one
// who waits.
func (b *budget) surrender() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leaving >= b.waiters.Len() {
		return false
	}
	b.leaving++
	return true
}

// watchCrowd runs while the budget is crowded: a connection may have become
// free to take by nothing but time.
func (b *budget) watchCrowd() {
	ticker := time.NewTicker(graceTime)
	defer ticker.Stop()
	for b.fit() {
		b.reclaim()
		<-ticker.C
	}
}

// fit gives each pool its width, and says whether the budget is crowded still.
func (b *budget) fit() bool {
	resized, crowded := b.setWidths()
	for _, s := range resized {
		s.resize()
	}
	return crowded
}

// setWidths decides whether the budget is crowded still and how wide each pool
// is, and returns the pools whose width changed.
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

// reclaim has pools close unused connections, as many as there are waiters and
// those of the pools used longest ago first.
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

// wanted is how many connections the waiters still need, and from whom they
// may come.
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
