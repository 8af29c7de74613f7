package console

import (
	"sync"
	"time"
)

const (
	// maxTries is the number of wrong tokens that an address may try in a window.
	maxTries    = 10
	triesWindow = 15 * time.Minute
	// maxAddresses is the largest number of addresses that are kept.
	maxAddresses = 1000
)

// tries counts the wrong tokens tried from each address. It slows guessing down;
// the right token is always accepted. It is safe for concurrent use.
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

// count counts a try. It returns how long to wait, or 0 if there were not too many.
func (t *tries) count(address string) time.Duration {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	one, known := t.counts[address]
	if !known && len(t.counts) >= maxAddresses {
		t.makeRoom(now)
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

// makeRoom removes the windows that are over or, if there are none, the window
// that ends first. The caller holds mu.
func (t *tries) makeRoom(now time.Time) {
	var oldest string
	for address, one := range t.counts {
		if !one.since.After(now.Add(-triesWindow)) {
			delete(t.counts, address)
		} else if oldest == "" || one.since.Before(t.counts[oldest].since) {
			oldest = address
		}
	}
	if len(t.counts) >= maxAddresses {
		delete(t.counts, oldest)
	}
}
