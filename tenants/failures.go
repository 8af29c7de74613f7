package tenants

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Failure is that this process could not open a tenant's database, or not
// connect to it again.
type Failure struct {
	// TenantID is the tenant's, and Server where its database is.
	TenantID, Server string
	// Since is when it failed first without a success afterwards, and Last when
	// it was tried last.
	Since, Last time.Time
	// Cause is for operators, in one line and without secrets.
	Cause string
}

const (
	// maxFailures bounds the tenants that are remembered as failing.
	maxFailures = 1000
	// failureTTL is how long after the last attempt a failure counts.
	failureTTL = 5 * time.Minute
	// maxCause bounds a cause, in characters.
	maxCause = 200
)

// failureLog holds the tenants whose databases could not be opened. It is safe for
// concurrent use; while there are none, a success costs one atomic read.
type failureLog struct {
	now func() time.Time
	any atomic.Bool

	mu       sync.Mutex // guards what follows
	byTenant map[string]Failure
	served   map[string]time.Time // the last success on a server that has failures
}

func newFailures() *failureLog {
	return &failureLog{now: time.Now, byTenant: map[string]Failure{}, served: map[string]time.Time{}}
}

// add records a failed attempt.
func (f *failureLog) add(t *Tenant, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	now := f.now()
	failure, known := f.byTenant[t.ID]
	if !known {
		if len(f.byTenant) >= maxFailures {
			return
		}
		failure = Failure{TenantID: t.ID, Since: now}
	}
	failure.Server, failure.Last, failure.Cause = t.Server, now, causeOf(err)
	f.byTenant[t.ID] = failure
	f.any.Store(true)
}

// succeeded records that a scope began.
func (f *failureLog) succeeded(t *Tenant) {
	if !f.any.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.served[t.Server] = f.now()
	delete(f.byTenant, t.ID)
	f.expire()
}

// forget drops what is known of a tenant that an operation works on.
func (f *failureLog) forget(id string) {
	if !f.any.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byTenant, id)
	f.expire()
}

// expire drops the failures that no longer count. f.mu is held.
func (f *failureLog) expire() {
	now := f.now()
	for id, failure := range f.byTenant {
		if now.Sub(failure.Last) >= failureTTL {
			delete(f.byTenant, id)
		}
	}
	if len(f.byTenant) == 0 {
		clear(f.served)
		f.any.Store(false)
	}
}

// list is all that count, the oldest first.
func (f *failureLog) list() []Failure {
	if !f.any.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	list := make([]Failure, 0, len(f.byTenant))
	for _, failure := range f.byTenant {
		list = append(list, failure)
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.TenantID, b.TenantID))
	})
	return list
}

// servedSince tells whether a scope has begun on the server since then.
func (f *failureLog) servedSince(server string, then time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served[server].After(then)
}

// causeOf is an error in one line, of at most maxCause characters.
func causeOf(err error) string {
	cause := []rune(strings.Join(strings.Fields(err.Error()), " "))
	if len(cause) > maxCause {
		cause = append(cause[:maxCause-1], '…')
	}
	return string(cause)
}

// noteFailure records that a tenant's database could not be opened. That no
// connection was free for it says nothing of the database.
func (s *Store) noteFailure(t *Tenant, err error) {
	if !errors.Is(err, ErrBusy) {
		s.failures.add(t, err)
	}
}

// noteBegin records whether a scope could begin on an open database. ctx is the
// scope's: when it has ended, that may be why not.
func (s *Store) noteBegin(ctx context.Context, t *Tenant, began bool, err error) {
	switch {
	case began:
		s.failures.succeeded(t)
	case errors.Is(err, ErrUnavailable) && ctx.Err() == nil:
		s.noteFailure(t, err)
	}
}

// Failing are the tenants whose databases this process could not open when it
// tried last, the one that fails longest first: at most 1,000, and none that was
// last tried more than five minutes ago.
func (s *Store) Failing() []Failure { return s.failures.list() }
