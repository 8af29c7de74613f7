package tenants

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"gorm.io/gorm"
)

// Master is the open master database, with scopes like those of a tenant. It
// is safe for concurrent use.
type Master struct {
	handle   *handle
	watch    WatchFunc
	presence Presence
	clock    func() time.Time

	mu       sync.Mutex         // guards what follows
	silences map[string]silence // by instance's id
}

// MasterOptions are what a Master is made of.
type MasterOptions struct {
	// Base is from OpenBase.
	Base *gorm.DB
	// Conns are open pools, which the master owns from then on.
	Conns *Conns
	// Watch tells of changes.
	Watch WatchFunc
	// Presence tells which instances live.
	Presence Presence
	// Clock is the machine's clock, for Now on SQLite; nil means time.Now.
	Clock func() time.Time
}

// WatchFunc calls changed after each change of the master by any process, with
// the id of the tenant that changed. The id is empty where the master doesn't
// tell, and whenever changes may have been missed: any tenant may have changed
// then. It goes on until ctx ends, and returns ctx's error; broken connections
// are opened again.
type WatchFunc func(ctx context.Context, changed func(tenantID string)) error

// NewMaster makes a Master. The caller closes it.
func NewMaster(o MasterOptions) *Master {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Master{
		handle: newHandle(o.Base, o.Conns, nil), watch: o.Watch, presence: o.Presence, clock: o.Clock,
		silences: map[string]silence{},
	}
}

// Dialect is "sqlite" or "postgres".
func (m *Master) Dialect() string { return m.handle.write.Name() }

// View runs f in a read-only transaction.
func (m *Master) View(ctx context.Context, f Func) error {
	s := scope{log: slog.Default()}
	defer s.runHooks(ctx)
	return m.handle.view(ctx, &s, f)
}

// masterAttempts is how often Update runs f at most. On SQLite each waits a
// second for other processes.
const masterAttempts = 10

// Update runs f in a transaction and commits when it returns nil. When others
// got in the way it is rolled back and f runs again: processes share the master,
// and what they do there is short.
func (m *Master) Update(ctx context.Context, f Func) error {
	for attempt := 1; ; attempt++ {
		err := m.update(ctx, f)
		if !errors.Is(err, ErrRetryable) || attempt == masterAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt) * rand.N(10*time.Millisecond)):
		}
	}
}

func (m *Master) update(ctx context.Context, f Func) error {
	s := scope{log: slog.Default()}
	defer s.runHooks(ctx)
	return m.handle.update(ctx, &s, f)
}

// Watch calls changed after each change of the master by any process, until
// ctx ends; it returns ctx's error. Calls are as WatchFunc says.
func (m *Master) Watch(ctx context.Context, changed func(tenantID string)) error {
	return m.watch(ctx, changed)
}

// Now is the time by the clock that all processes with this master share: the
// server's on Postgres, the machine's on SQLite. That clock may be set, so that
// nothing must depend on it but what people are told. tx is of a scope on the
// master.
func (m *Master) Now(tx *gorm.DB) (time.Time, error) {
	if m.Dialect() != "postgres" {
		return m.clock().UTC().Truncate(time.Microsecond), nil
	}
	var at time.Time
	err := tx.Raw("SELECT clock_timestamp()").Scan(&at).Error
	return at.UTC().Truncate(time.Microsecond), err
}

// Close closes the master's pools.
func (m *Master) Close() error { return m.handle.close() }
