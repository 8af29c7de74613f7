package tenants

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// Master is the open master database. It has scopes like a tenant's. It is safe for concurrent use.
type Master struct {
	handle   *handle
	watch    WatchFunc
	presence Presence
	exporter MasterExporter
	clock    func() time.Time
	tracer   atomic.Pointer[Tracer] // nil for none

	mu       sync.Mutex           // protects the fields below
	silences map[string]silence   // by the instance's id
	jobs     map[*func()]struct{} // called if jobs without tenant may be due
}

// MasterOptions configure a Master.
type MasterOptions struct {
	// Base comes from OpenBase.
	Base *gorm.DB
	// Conns are open pools. The master takes ownership of them.
	Conns *Conns
	// Watch watches the master for changes.
	Watch WatchFunc
	// Presence tells living instances from dead ones.
	Presence Presence
	// Exporter reads the master for backups. It is nil on SQLite, whose file is backed up.
	Exporter MasterExporter
	// Clock is the machine's clock, which Now uses on SQLite. Defaults to time.Now.
	Clock func() time.Time
}

// WatchFunc calls changed after each change of the master by any process, with the id of the tenant
// that changed. The id is empty if it isn't known, or if changes may have been missed: then any
// tenant may have changed. It is DueChanged if work may be due, and QuestionAsked if a process asks all others. WatchFunc
// reconnects when connections break. It returns ctx's error when ctx ends.
type WatchFunc func(ctx context.Context, changed func(tenantID string)) error

// NewMaster returns a Master. The caller must close it.
func NewMaster(o MasterOptions) *Master {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Master{
		handle: newHandle(o.Base, o.Conns, nil, nil, nil), watch: o.Watch, presence: o.Presence, exporter: o.Exporter, clock: o.Clock,
		silences: map[string]silence{}, jobs: map[*func()]struct{}{},
	}
}

// WatchJobs makes wake be called after jobs without tenant may have become due, until stop is called. wake must not block.
func (m *Master) WatchJobs(wake func()) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs[&wake] = struct{}{}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.jobs, &wake)
	}
}

// WakeJobs calls what WatchJobs was told of.
func (m *Master) WakeJobs() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for wake := range m.jobs {
		(*wake)()
	}
}

// Dialect returns "sqlite" or "postgres".
func (m *Master) Dialect() string { return m.handle.write.Name() }

// Exporter returns what reads the master for backups, or nil on SQLite.
func (m *Master) Exporter() MasterExporter { return m.exporter }

// View runs f in a read-only transaction.
func (m *Master) View(ctx context.Context, f Func) error {
	return m.traced(ctx, func(ctx context.Context, s *scope) error { return m.handle.view(ctx, s, f) })
}

// readRow reads one row without gorm. The query has one argument.
func (m *Master) readRow(ctx context.Context, query, arg string, into ...any) error {
	return m.traced(ctx, func(ctx context.Context, s *scope) error {
		end := traceStatement(ctx, s.tracer, query)
		err := scanRow(ctx, m.handle.conns, query, arg, into)
		end(err)
		if translator, ok := m.handle.read.Dialector.(gorm.ErrorTranslator); ok && err != nil {
			return translator.Translate(err)
		}
		return err
	})
}

// scanRow reads a row in a transaction, whose BEGIN is tried again on another connection if one has broken. In a file no
// connection breaks.
func scanRow(ctx context.Context, conns *Conns, query, arg string, into []any) error {
	if conns.Place == InProcess {
		return conns.Read.QueryRowContext(ctx, query, arg).Scan(into...)
	}
	tx, err := conns.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	err = tx.QueryRowContext(ctx, query, arg).Scan(into...)
	_ = tx.Rollback() // it has read
	return err
}

// masterAttempts is how often Update tries to run f. On SQLite each attempt waits up to a second for
// other processes.
const masterAttempts = 10

// Update runs f in a transaction and commits it if f returns nil. After a conflict with another
// transaction it rolls back and runs f again, because all processes share the master.
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
	return m.traced(ctx, func(ctx context.Context, s *scope) error { return m.handle.update(ctx, s, f) })
}

// Watch calls changed after each change of the master, as WatchFunc describes, until ctx ends. It
// returns ctx's error.
func (m *Master) Watch(ctx context.Context, changed func(tenantID string)) error {
	return m.watch(ctx, changed)
}

// Now returns the time of the clock that all processes with this master share: the server's clock on
// Postgres, the machine's on SQLite. Clocks are set now and then, so use it only for times that are
// shown to people. tx belongs to a scope on the master.
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
