// Package queue says when each tenant is to be backed up, and has a few workers do so.
//
// A commit marks its tenant. A tenant that isn't written costs nothing.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tenantry/tenants"
)

// Options configure a Queue. All of them are required.
type Options struct {
	// Interval is the age at which a commit must be backed up. A backup begins after three quarters of it.
	Interval time.Duration
	// Workers is how many tenants are backed up at once.
	Workers int
	// Store backs up a tenant with commits since a time that aren't backed up, as far as is known here. It is not called twice
	// at once for a tenant.
	Store func(ctx context.Context, t *tenants.Tenant, since time.Time) error
	// Log gets failures.
	Log *slog.Logger
}

// Queue has the tenants that are to be backed up. It is safe for concurrent use.
type Queue struct {
	o Options

	mu     sync.Mutex // protects the fields below
	marks  map[string]*mark
	failed map[string]error // the last error of each tenant that couldn't be backed up
	stored int64            // backups since the start
	outage outage
}

// mark is a tenant with commits that aren't backed up.
type mark struct {
	tenant  *tenants.Tenant
	since   time.Time // of the oldest of them
	again   time.Time // of the oldest since the snapshot that is being taken or stored; zero if there is none
	due     time.Time
	tries   int
	running bool
}

// New returns a Queue, which calls Options.Store once Run or Store is called.
func New(o Options) *Queue {
	return &Queue{o: o, marks: map[string]*mark{}, failed: map[string]error{}}
}

// Committed marks a tenant as written now.
func (q *Queue) Committed(t *tenants.Tenant) { q.Mark(t, time.Now()) }

// Mark marks a tenant as written at a time.
func (q *Queue) Mark(t *tenants.Tenant, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m := q.marks[t.ID]; m != nil {
		if m.running && m.again.IsZero() { // the snapshot may have been taken before
			m.again = since
		}
		return
	}
	q.marks[t.ID] = &mark{tenant: t, since: since, due: since.Add(q.o.Interval * 3 / 4)}
}

// take returns the marked tenant that is due and has waited longest, or when the next one is.
func (q *Queue) take(now time.Time) (found *mark, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outage.until.After(now) {
		return nil, q.outage.until
	}
	for _, m := range q.marks {
		if m.running {
			continue
		}
		if m.due.After(now) {
			if next.IsZero() || m.due.Before(next) {
				next = m.due
			}
		} else if found == nil || m.since.Before(found.since) {
			found = m
		}
	}
	if found != nil {
		found.running = true
	}
	return found, next
}

// done ends the work on a mark that was taken.
func (q *Queue) done(m *mark, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, now := m.tenant.ID, time.Now()
	m.running = false
	if q.outage.note(now, q.o.Interval, id, err) {
		for _, other := range q.marks {
			other.due = now
		}
	}
	if err != nil {
		m.tries++
		m.due = now.Add(retryAfter(q.o.Interval, m.tries, longestRetry))
		q.failed[id] = err
		return
	}
	delete(q.failed, id)
	q.stored++
	if m.again.IsZero() {
		delete(q.marks, id)
		return
	}
	m.since, m.due, m.tries = m.again, m.again.Add(q.o.Interval*3/4), 0
}

// longestRetry is the longest time until a backup that failed is tried again.
const longestRetry = 5 * time.Minute

// retryAfter returns the time until the next try, which doubles with each.
func retryAfter(interval time.Duration, tries int, longest time.Duration) time.Duration {
	return min(interval<<min(tries, 10), longest)
}

// longestWait is the longest time until a tenant that was marked is looked at.
const longestWait = 5 * time.Second

// Run backs up marked tenants until ctx ends. It returns when what it has begun is over. Backups that weren't made by
// then are made when Run is called again, also in another process.
func (q *Queue) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, q.o.Workers)
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		m, next := q.take(time.Now())
		if m == nil {
			<-slots
			Wait(ctx, min(q.o.Interval/10, longestWait, until(next, q.o.Interval)))
			continue
		}
		workers.Go(func() {
			defer func() { <-slots }()
			q.work(ctx, m)
		})
	}
}

func until(next time.Time, most time.Duration) time.Duration {
	if next.IsZero() {
		return most
	}
	return max(time.Millisecond, time.Until(next))
}

// Wait waits until ctx ends, at most for a time.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// work backs up a tenant whose mark was taken.
func (q *Queue) work(ctx context.Context, m *mark) {
	q.mu.Lock()
	m.again = time.Time{}
	tries, since := m.tries, m.since
	q.mu.Unlock()
	err := q.o.Store(ctx, m.tenant, since)
	if err != nil && ctx.Err() == nil && tries == 0 {
		q.o.Log.WarnContext(ctx, "backup failed, and will be tried again", "tenant", m.tenant.Subdomain, "error", err)
	}
	q.done(m, err)
}

// Store backs up a tenant now. It waits for a backup of the tenant that runs already.
func (q *Queue) Store(ctx context.Context, t *tenants.Tenant) error {
	for {
		q.mu.Lock()
		m := q.marks[t.ID]
		if m == nil {
			m = &mark{tenant: t, since: time.Now()}
			q.marks[t.ID] = m
		}
		if !m.running {
			m.running = true
			q.mu.Unlock()
			q.work(ctx, m)
			q.mu.Lock()
			err := q.failed[t.ID]
			q.mu.Unlock()
			return err
		}
		q.mu.Unlock()
		Wait(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// Flush backs up all marked tenants now.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	var marked []*tenants.Tenant
	for _, m := range q.marks {
		marked = append(marked, m.tenant)
	}
	q.mu.Unlock()
	return q.StoreAll(ctx, marked)
}

// StoreAll backs up tenants now, several at once, until the storage can't be used.
func (q *Queue) StoreAll(ctx context.Context, all []*tenants.Tenant) error {
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(q.o.Workers)
	var mu sync.Mutex // protects failed
	var failed []error
	for _, t := range all {
		if working.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := q.Store(working, t); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("tenant %q: %w", t.Subdomain, err))
				if isOutage(err) {
					return err
				}
			}
			return nil
		})
	}
	_ = group.Wait() // failed has its error
	return errors.Join(context.Cause(ctx), errors.Join(failed...))
}
