package queue

import (
	"errors"
	"time"
)

// Status says how backups stand.
type Status struct {
	// Waiting is the number of tenants with commits that aren't backed up, and Age the age of the oldest of these.
	Waiting int
	Age     time.Duration
	// Failing are the ids of the tenants that couldn't be backed up, with the reason.
	Failing map[string]error
	// Stored is the number of backups since the start.
	Stored int64
}

// Status returns how backups stand.
func (q *Queue) Status() Status {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Status{Waiting: len(q.marks), Stored: q.stored, Failing: make(map[string]error, len(q.failed))}
	if oldest := q.oldest(); oldest != nil {
		s.Age = time.Since(oldest.since)
	}
	for id, err := range q.failed {
		s.Failing[id] = err
	}
	return s
}

// oldest returns the mark with the oldest commit, or nil. The caller holds the lock.
func (q *Queue) oldest() (oldest *mark) {
	for _, m := range q.marks {
		if oldest == nil || m.since.Before(oldest.since) {
			oldest = m
		}
	}
	return oldest
}

// Watched is what may be late: a Queue, or a Single.
type Watched interface {
	// Late returns nil unless a commit has waited for its backup for more than twice the interval.
	Late() *Late
}

var (
	_ Watched = (*Queue)(nil)
	_ Watched = (*Single)(nil)
)

// Late says that commits aren't backed up in time.
type Late struct {
	// Subdomain is that of the tenant with the oldest commit, of the age, and Waiting how many tenants have some. It is empty
	// for the master.
	Subdomain string
	Age       time.Duration
	Waiting   int
	// Err is why its backup failed; nil if it didn't.
	Err error
}

// Late returns nil unless a commit has waited for its backup for more than twice the interval.
func (q *Queue) Late() *Late {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.oldest()
	if m == nil || time.Since(m.since) <= 2*q.o.Interval {
		return nil
	}
	return &Late{m.tenant.Subdomain, time.Since(m.since), len(q.marks), errors.Join(q.failed[m.tenant.ID])}
}
