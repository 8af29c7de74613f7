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

// Failure records that this process could not open, or reconnect to, a tenant's database.
type Failure struct {
	// TenantID and Server are the tenant's.
	TenantID, Server string
	// Since is the time of the first failed attempt since the last success, and Last that of the
	// latest attempt.
	Since, Last time.Time
	// Cause is for operators. It is one line and contains no secrets.
	Cause string
}

const (
	// maxFailures bounds the number of tenants in a failureLog.
	maxFailures = 1000
	// failureTTL is how long a failure counts after its last attempt.
	failureTTL = 5 * time.Minute
	// maxCause bounds the length of a cause, in characters.
	maxCause = 200
)

// failureLog holds the tenants whose databases could not be opened. It is safe for concurrent use.
// While it is empty, a success costs one atomic read.
type failureLog struct {
	now func() time.Time
	any atomic.Bool

	mu       sync.Mutex // protects the fields below
	byTenant map[string]Failure
	served   map[string]time.Time // last success, by server; only for servers that have failures
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

// succeeded records that a scope began on the tenant.
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

// forget removes a tenant, because an operation works on it.
func (f *failureLog) forget(id string) {
	if !f.any.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byTenant, id)
	f.expire()
}

// expire removes the failures that no longer count. The caller holds f.mu.
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

// list returns the failures that count, oldest first.
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

// servedSince reports whether a scope began on the server after then.
func (f *failureLog) servedSince(server string, then time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served[server].After(then)
}

// causeOf returns err's text as one line of at most maxCause characters.
func causeOf(err error) string {
	cause := []rune(strings.Join(strings.Fields(err.Error()), " "))
	if len(cause) > maxCause {
		cause = append(cause[:maxCause-1], '…')
	}
	return string(cause)
}

// noteFailure records that a tenant's database could not be opened. It ignores ErrBusy, which says
// nothing about the database.
func (s *Store) noteFailure(t *Tenant, err error) {
	if errors.Is(err, ErrBusy) {
		return
	}
	s.failures.add(t, err)
	if errors.Is(err, ErrServerDown) {
		s.servers.breakerOf(t.Server).failed()
	}
}

// noteBegin records whether a scope began on an open database. ctx is the scope's. If it has ended,
// an error is not recorded, because ctx may be its cause.
func (s *Store) noteBegin(ctx context.Context, t *Tenant, began bool, err error) {
	switch {
	case began && !errors.Is(err, ErrServerDown):
		s.failures.succeeded(t)
		s.servers.breakerOf(t.Server).answered()
	case errors.Is(err, ErrUnavailable) && ctx.Err() == nil:
		s.noteFailure(t, err)
	}
}

// Failing returns the tenants whose databases this process could not open at its last attempt, the
// one that has failed longest first. It returns at most 1,000, and none whose last attempt was more
// than five minutes ago.
func (s *Store) Failing() []Failure { return s.failures.list() }
