package queue

import (
	"sync"
	"time"
)

// Single says how the backup of a database stands that is in no Queue: the master. It is safe for concurrent use.
type Single struct {
	interval time.Duration

	mu    sync.Mutex // protects the fields below
	since time.Time  // of the oldest change that isn't backed up, as far as is known; zero if there is none
	err   error      // why the last backup failed
}

// NewSingle returns a Single whose changes must be backed up within an interval.
func NewSingle(interval time.Duration) *Single { return &Single{interval: interval} }

// Waits notes that a change of a time isn't backed up yet.
func (s *Single) Waits(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = since
	}
}

// Done notes how a backup has ended.
func (s *Single) Done(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if err == nil {
		s.since = time.Time{}
	} else if s.since.IsZero() {
		s.since = time.Now()
	}
}

// Late returns nil unless a change has waited for more than twice the interval. It names no tenant.
func (s *Single) Late() *Late {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() || time.Since(s.since) <= 2*s.interval {
		return nil
	}
	return &Late{Age: time.Since(s.since), Err: s.err}
}
