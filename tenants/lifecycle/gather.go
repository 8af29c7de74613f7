package lifecycle

import (
	"slices"
	"sync"
	"time"
)

const (
	// gatherMost is the greatest number of requests in one group.
	gatherMost = 64
	// gatherTime is how long the first request of a group waits for others.
	gatherTime = 5 * time.Millisecond
)

// gatherer answers the requests of concurrent callers in groups. Requests that come while a group is being answered form
// the next one. The zero value with a function is ready to use. It is safe for concurrent use.
type gatherer[T any] struct {
	answer func(group []T)

	mu      sync.Mutex // protects the fields below
	waiting []gathered[T]
	full    chan struct{} // closed when enough requests wait
	working bool
}

type gathered[T any] struct {
	request T
	done    chan struct{} // closed when the request is answered
}

// add returns when a group with the request has been answered.
func (g *gatherer[T]) add(request T) {
	done := make(chan struct{})
	g.mu.Lock()
	g.waiting = append(g.waiting, gathered[T]{request, done})
	switch {
	case !g.working:
		g.working, g.full = true, make(chan struct{})
		go g.work(g.full)
	case len(g.waiting) == gatherMost:
		close(g.full)
	}
	g.mu.Unlock()
	<-done
}

// work answers groups until no request waits.
func (g *gatherer[T]) work(full <-chan struct{}) {
	for {
		select {
		case <-full:
		case <-time.After(gatherTime):
		}
		group := g.take()
		requests := make([]T, len(group))
		for i := range group {
			requests[i] = group[i].request
		}
		g.answer(requests)
		for i := range group {
			close(group[i].done)
		}
		if full = g.next(); full == nil {
			return
		}
	}
}

// take removes the next group from those that wait.
func (g *gatherer[T]) take() []gathered[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	group := slices.Clone(g.waiting[:min(gatherMost, len(g.waiting))])
	g.waiting = slices.Delete(g.waiting, 0, len(group))
	g.full = make(chan struct{})
	return group
}

// next returns a channel that is closed when the next group is full, or nil if no request waits.
func (g *gatherer[T]) next() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.working = false
		return nil
	}
	if len(g.waiting) >= gatherMost {
		full := make(chan struct{})
		close(full)
		return full
	}
	return g.full
}
