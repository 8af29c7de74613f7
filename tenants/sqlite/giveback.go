package sqlite

import (
	"sync"
	"time"
)

// giver gives the memory of closed handles back to the system, some time after they were closed: doing so takes
// milliseconds, and many handles close together. It is safe for concurrent use.
type giver struct {
	mu    sync.Mutex
	timer *time.Timer // set while memory waits to be given back
}

// giveTime is how long after the first of them the memory of closed handles is given back.
const giveTime = 10 * time.Second

// handleClosed is called after a handle was closed.
func (g *giver) handleClosed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timer == nil {
		g.timer = time.AfterFunc(giveTime, g.give)
	}
}

func (g *giver) give() {
	g.mu.Lock()
	g.timer = nil
	g.mu.Unlock()
	trim()
}

// stop gives back what waits.
func (g *giver) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timer != nil && g.timer.Stop() {
		g.timer = nil
		trim()
	}
}
