package jobs

import (
	"sync"
	"time"
)

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of attempts.
const (
	OutcomeDone      Outcome = "done"
	OutcomeRetried   Outcome = "retried" // it failed, and the job is tried again later
	OutcomeDiscarded Outcome = "discarded"
)

// Tally is how many attempts of jobs of a kind ended in a way, and how long they took together.
type Tally struct {
	Kind    string
	Outcome Outcome
	Count   int64
	Took    time.Duration
}

// Counts counts what Runners do. The zero value is ready. It is safe for concurrent use.
type Counts struct {
	mu      sync.Mutex
	running int
	ended   map[[2]string]Tally
}

// Tallies returns the attempts that have ended, one for each kind and outcome that there was, and how many run now. There are
// as many kinds as Workers.
func (c *Counts) Tallies() (ended []Tally, running int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.ended {
		ended = append(ended, t)
	}
	return ended, c.running
}

func (c *Counts) run(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running += n
}

func (c *Counts) end(kind string, how Outcome, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{kind, string(how)}
	t := c.ended[key]
	if c.ended == nil {
		c.ended = map[[2]string]Tally{}
	}
	c.ended[key] = Tally{kind, how, t.Count + 1, t.Took + took}
}
