package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// The first and the longest pause after a lazy migration that failed. The failure counts among Store.Failing until
	// the next attempt.
	firstLazyPause, longestLazyPause = 30 * time.Second, 4 * time.Minute
	// refusalPause is the pause after a lazy migration that was refused: because a process of an older build lives, or
	// because an operator has undone the tenant's last migration.
	refusalPause = 2 * time.Second
	// landedMoment is longer than it takes from reading a tenant's row to looking for its migration.
	landedMoment = 2 * time.Second
	// lazySetbacks bounds the number of tenants whose lazy migrations are remembered.
	lazySetbacks = 10_000
)

// ErrHeld means that an operator has undone the tenant's last migration, so that no request migrates it again.
var ErrHeld = errors.New("its last migration was undone: migrate it by hand")

// lazy migrates tenants that are behind when a scope on them is begun: each of them once, however many scopes wait. After
// a failure it waits before the next attempt. It is safe for concurrent use.
type lazy struct {
	on      func(dialect string) bool
	migrate func(ctx context.Context, t *Tenant) error
	failed  func(t *Tenant, err error)
	wait    time.Duration // longest wait of a scope

	mu       sync.Mutex // protects the fields below
	flights  map[string]*flight
	setbacks *simplelru.LRU[string, setback]
	landed   *simplelru.LRU[string, time.Time] // when the last migration of each tenant ended
	closed   bool
	running  sync.WaitGroup
	ctx      context.Context
	end      context.CancelFunc
}

// flight is a lazy migration that is under way.
type flight struct {
	done chan struct{} // closed when err is set
	err  error
}

// setback is a lazy migration that failed.
type setback struct {
	until time.Time
	pause time.Duration
}

// MigrateLazily makes View and Update call migrate for a tenant that is behind this build, if its server's dialect is one
// for which on returns true. Scopes of the tenant wait for it, for at most Options.Wait, and get ErrMaintenance then. If
// migrate fails they get a *VersionError, and it is called again only some time later, unless its error matches
// ErrMaintenance: another process works on the tenant. migrate's context ends when the store is closed. MigrateLazily
// must be called at most once.
func (s *Store) MigrateLazily(on func(dialect string) bool, migrate func(ctx context.Context, t *Tenant) error) {
	l := newLazy(s.pool.wait, migrate)
	l.on = on
	l.failed = func(t *Tenant, err error) {
		s.log.Error("migrate a tenant at its first request", "tenant", t.Subdomain, "error", err)
		s.noteFailure(t, err)
	}
	s.lazy.Store(l)
}

func newLazy(wait time.Duration, migrate func(ctx context.Context, t *Tenant) error) *lazy {
	setbacks, _ := simplelru.NewLRU[string, setback](lazySetbacks, nil) // the size is valid
	landed, _ := simplelru.NewLRU[string, time.Time](lazySetbacks, nil)
	l := &lazy{migrate: migrate, wait: wait, flights: map[string]*flight{}, setbacks: setbacks, landed: landed, failed: func(*Tenant, error) {}}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// leaseMigrated is lease, for a tenant that may have to be migrated first.
func (s *Store) leaseMigrated(ctx context.Context, t *Tenant, may access, most int64) (*entry, error) {
	e, err := s.lease(ctx, t, may, most)
	if err == nil || !may.migrates || !s.isMigrated(t, err) {
		return e, err
	}
	if err := s.lazy.Load().wake(ctx, t, err); err != nil {
		return nil, err
	}
	return s.lease(ctx, t, may, most)
}

// isMigrated reports whether a tenant that isn't served because of err is migrated by a scope that is begun on it, or is
// being migrated for one.
func (s *Store) isMigrated(t *Tenant, err error) bool {
	l := s.lazy.Load()
	if l == nil {
		return false
	}
	if errors.Is(err, ErrMaintenance) {
		return l.isUnderWay(t.ID)
	}
	var version *VersionError
	if !errors.As(err, &version) || !version.IsBehind() {
		return false
	}
	engine := s.servers.known(t.Server)
	return engine != nil && l.on(engine.Dialect())
}

// isUnderWay reports whether the tenant is being migrated, or was a moment ago: then a caller that was told that it is under
// maintenance may have read its row before the end.
func (l *lazy) isUnderWay(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended, ok := l.landed.Get(id)
	return l.flights[id] != nil || ok && time.Since(ended) < landedMoment
}

// wake returns nil when the tenant is migrated. It begins the migration unless one is under way, or has failed lately:
// then it returns cause.
func (l *lazy) wake(ctx context.Context, t *Tenant, cause error) error {
	f, err := l.join(t, cause)
	if err != nil || f == nil {
		return err
	}
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	select {
	case <-f.done:
		if f.err != nil && !errors.Is(f.err, ErrMaintenance) {
			return fmt.Errorf("%w: %v", ErrSchemaVersion, f.err)
		}
		return f.err
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return context.Cause(ctx)
		}
	case <-timer.C:
	}
	return fmt.Errorf("%w: it is being migrated", ErrMaintenance)
}

// join returns the tenant's migration, which it begins if none is under way. It returns nil if there is no need for one.
func (l *lazy) join(t *Tenant, cause error) (*flight, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.flights[t.ID]; f != nil {
		return f, nil
	}
	if errors.Is(cause, ErrMaintenance) {
		return nil, nil // it has just ended
	}
	if back, ok := l.setbacks.Get(t.ID); ok && time.Now().Before(back.until) {
		return nil, cause
	}
	if l.closed {
		return nil, ErrClosed
	}
	f := &flight{done: make(chan struct{})}
	l.flights[t.ID] = f
	l.running.Go(func() { l.fly(t, f) })
	return f, nil
}

// fly migrates the tenant.
func (l *lazy) fly(t *Tenant, f *flight) {
	err := l.migrate(l.ctx, t)
	isFailure := err != nil && !errors.Is(err, ErrMaintenance) && l.ctx.Err() == nil
	isRefusal := errors.Is(err, ErrOlderBuild) || errors.Is(err, ErrHeld)
	if isFailure && !isRefusal {
		l.failed(t, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if isFailure {
		l.setBack(t.ID, isRefusal)
	} else {
		l.setbacks.Remove(t.ID)
	}
	delete(l.flights, t.ID)
	l.landed.Add(t.ID, time.Now())
	f.err = err
	close(f.done)
}

// setBack records a failure. The caller holds the lock.
func (l *lazy) setBack(id string, brief bool) {
	last, _ := l.setbacks.Get(id)
	pause := min(max(firstLazyPause, 2*last.pause), longestLazyPause)
	if brief {
		l.setbacks.Add(id, setback{time.Now().Add(refusalPause), 0})
		return
	}
	l.setbacks.Add(id, setback{time.Now().Add(pause), pause})
}

// close begins no more migrations, and waits until those under way have ended.
func (l *lazy) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.running.Wait()
}
