package account

import (
	"sync"
	"time"
)

const (
	// recentLife is the minimum time for which a credential is remembered, unless
	// there are too many. After twice that time it is forgotten.
	recentLife = 30 * time.Second
	// maxRecent limits the credentials remembered in each of the two halves.
	maxRecent = 10_000
)

// recent remembers the digests of recently valid credentials. It decides only whose
// bodies are read: the database decides whether a credential is valid now. The zero
// value is empty. It is safe for concurrent use.
type recent struct {
	mu         sync.Mutex // guards what follows
	since      time.Time  // when young began
	young, old map[[32]byte]struct{}
}

// add remembers a digest.
func (r *recent) add(digest []byte, now time.Time) {
	key := [32]byte(digest)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age(now)
	if _, ok := r.young[key]; ok {
		return
	}
	if r.young == nil || len(r.young) >= maxRecent {
		r.old, r.young, r.since = r.young, map[[32]byte]struct{}{}, now
	}
	r.young[key] = struct{}{}
}

// has reports whether a digest is remembered.
func (r *recent) has(digest []byte, now time.Time) bool {
	key := [32]byte(digest)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age(now)
	_, young := r.young[key]
	_, old := r.old[key]
	return young || old
}

// age forgets expired digests, even if the clock has been set back. The caller holds
// mu.
func (r *recent) age(now time.Time) {
	switch age := now.Sub(r.since); {
	case age >= 2*recentLife, age < 0:
		r.old, r.young, r.since = nil, nil, now
	case age >= recentLife:
		r.old, r.young, r.since = r.young, nil, now
	}
}
