package lifecycle

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestGatheredRequests has many callers at once: each request is answered once before its caller goes on, and they are
// answered in few groups.
func TestGatheredRequests(t *testing.T) {
	t.Parallel()
	const callers = 500
	var groups, largest atomic.Int64
	answers := make([]atomic.Int64, callers)
	var g gatherer[int]
	g.answer = func(group []int) {
		groups.Add(1)
		largest.Store(max(largest.Load(), int64(len(group))))
		for _, i := range group {
			answers[i].Add(1)
		}
	}
	var working sync.WaitGroup
	for i := range callers {
		working.Go(func() {
			g.add(i)
			if n := answers[i].Load(); n != 1 {
				t.Errorf("request %d was answered %d times", i, n)
			}
		})
	}
	working.Wait()
	if groups.Load() > callers/4 || largest.Load() > gatherMost {
		t.Errorf("%d groups, the largest with %d", groups.Load(), largest.Load())
	}
}
