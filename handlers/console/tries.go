package console

import (
	"sync"
	"time"
)

const (
	// maxTries is how often the token may be tried in a window, from one address.
	maxTries    = 10
	triesWindow = 15 * time.Minute
	// maxAddresses bounds the addresses that are remembered.
	maxAddresses = 1000
)

// tries count how often the token was tried by whom. They are safe for
// concurrent use.
type tries struct {
	now func() time.Time

	mu     sync.Mutex // guards counts
	counts map[string]count
}

type count struct {
	tries int
	since time.Time
}

func newTries(now func() time.Time) *tries { return &tries{now: now, counts: map[string]count{}} }

// count counts a try, and returns how long to wait until the next one: 0 when
// this was not one too many.
func (t *tries) count(address string) time.Duration {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.counts[address]
	if one.tries == 0 && len(t.counts) >= maxAddresses && !t.sweep(now) {
		return triesWindow
	}
	if !one.since.After(now.Add(-triesWindow)) {
		one = count{since: now}
	}
	one.tries = min(one.tries+1, maxTries+1)
	t.counts[address] = one
	if one.tries > maxTries {
		return one.since.Add(triesWindow).Sub(now)
	}
	return 0
}

// sweep forgets windows that are over, and tells whether there is room. The lock
// is held.
func (t *tries) sweep(now time.Time) bool {
	for address, one := range t.counts {
		if !one.since.After(now.Add(-triesWindow)) {
			delete(t.counts, address)
		}
	}
	return len(t.counts) < maxAddresses
}

// forget forgets the tries of who turned out to have the token.
func (t *tries) forget(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.counts, address)
}
