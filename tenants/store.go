// Package tenants maps a host to a tenant, leases the tenant's database, and
// runs code in a transaction on it. Package web calls it for each request, which
// passes through:
//
//	host.go         finds the subdomain in the request's host
//	lookup.go       finds the subdomain's tenant: registry.go in memory, or inquiries.go in the master
//	access.go       which scopes the tenant admits in its state, and its lease
//	pool.go         leases the tenant's open handle, and opens it if needed; aside.go, without pushing another one out
//	open.go         opens its database as a handle; handle.go
//	version.go      checks that this build can serve its schema version; schemarecord.go, if a newer one has migrated it
//	lazy.go         migrates it if it is behind; olderbuild.go, who couldn't serve it then
//	maintenance.go  checks that its operator hasn't closed it
//	limits.go       what a tenant may use; limiter.go counts its requests, limit_text.go reads and writes limits
//	settings.go     the application's settings of a tenant; settings_text.go changes them, and finds tenants by them
//	each.go         reads many tenants
//	scope.go        begins the transaction, commits or rolls back
//	turn.go         gives each tenant's scopes a fair turn
//	quota.go        refuses writes if the tenant or the disk is full
//	transaction.go  watches the statements and decides whether it may commit; statement_time.go, for how long they take
//	sqltext.go      reads the first word of a statement
//	nested.go       detects a scope that was begun within another
//	cache.go        keeps values that are computed from a tenant's database while it is open
//	replaced.go     reopens a database whose file was replaced
//
// Below it are the engines, and beside it other processes:
//
//	engine.go       what an engine does
//	base.go         the *gorm.DB that handles are cloned from
//	object.go       what is on a server
//	fault.go        what can be wrong with a database
//	source.go       errors about databases to adopt
//	master.go       the master database, with scopes of its own
//	process.go      registers this process and sends its heartbeats; announce.go tells that it serves
//	presence.go     finds out whether another process is alive
//	division.go     divides a server's connections among the processes; connectionshare.go by what they want
//	due.go          records which tenants have work to do; dues.go gives it to the process's workers, duelist.go shows it
//	drain.go        drains tenants for operations
//	quiesce.go      waits until a tenant is drained
//	load.go         counts open handles; handles.go lists them, and closes idle ones
//	outcome.go      counts scopes by their outcome; durations.go
//	tracer.go       traces scopes and statements, and logs slow ones
//	usage.go        what tenants use now
//	failures.go     remembers databases that can't be opened
//	health.go       servers on which that happens
//	server.go       a server in the master; servers.go opens it
//	breaker.go      refuses scopes on a server that is down
//	errors.go       the errors; busy.go, how long a wait for a connection takes
package tenants

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tenantry/tenants/migrate"
)

// DefaultServer is the name of the server on which tenants are placed unless the operator names
// another.
const DefaultServer = "default"

// Options configure a Store.
type Options struct {
	// Master is the master database. The store doesn't close it.
	Master *Master
	// Servers are the engines that this process is configured with, by the names in Tenant.Server. The store
	// doesn't close them.
	Servers map[string]Engine
	// OpenServer opens a server of the master. The store closes the engine. It may be nil; then only Servers
	// are used.
	OpenServer func(ctx context.Context, server *Server) (Engine, error)
	// MaxOpen limits the number of open handles. It must be at least 1.
	MaxOpen int
	// Rest is how long a handle stays open after its last scope. Its memory and its files are given back
	// then. Defaults to 30 seconds.
	Rest time.Duration
	// CacheSize limits the number of tenants kept in memory. Defaults to 100,000.
	CacheSize int
	// InstanceTTL is how long this process counts as alive after its last heartbeat in the master.
	// Defaults to DefaultInstanceTTL.
	InstanceTTL time.Duration
	// MasterAway is how long tenants whose databases are open are served while the master doesn't answer; changes of
	// tenants wait for that long, and a third longer, for a process that died. At least three quarters of InstanceTTL,
	// which is the default.
	MasterAway time.Duration
	// Grace is how long running scopes may take before an operation cancels them. Defaults to 30
	// seconds.
	Grace time.Duration
	// Wait limits the wait for a handle. Defaults to 5 seconds; in a patient store, to longer than a process that died
	// keeps its connections.
	Wait time.Duration
	// Patient is for a process that serves no requests, such as a command: the log says what a scope waits for.
	Patient bool
	// Limits are those of tenants that have none of their own. 0 means no limit.
	//
	// Above Limits.Size, in bytes, Update returns ErrTenantFull. The Update that is due measures the database: when it could
	// have reached the limit at 64 MiB a second, at least once a minute and at most once a second.
	// Writes within that second may exceed the limit, on SQLite by at most an eighth of it. On
	// Postgres a measurement reads the size of each of the database's files (0.3 ms for one of this
	// application's), and deleted rows count until VACUUM has reclaimed their space.
	Limits Limits
	// LimitNames are the names of what set those of Limits that aren't the program's defaults, for Store.LimitSource.
	LimitNames map[Limit]string
	// Settings is the type of the application's settings of tenants. Defaults to none.
	Settings *SettingsType
	// MinFree is how many bytes of a server's disk are kept free, if the engine can measure that:
	// below it, Update returns ErrFull. AutoFree chooses a sensible number; 0 means no limit.
	MinFree int64
	// Committed is called after each Update and Maintain that may have changed the tenant's database, before the
	// hooks. It must not block. It may be nil.
	Committed func(t *Tenant)
	// Tracer traces scopes, also those on the master. Defaults to none.
	Tracer Tracer
	// SlowScope is how long a scope must take to be logged. Defaults to 1 second.
	SlowScope time.Duration
	// Log gets what can't be returned to a caller. Defaults to slog.Default().
	Log *slog.Logger
}

// Store runs scopes on tenants' databases. It is safe for concurrent use.
type Store struct {
	master     *Master
	servers    *servers
	registry   *registry
	inquiries  inquiries // of the registry
	pool       *pool
	process    *Process
	dues       *Dues
	grace      time.Duration
	log        *slog.Logger
	limits     Limits           // of tenants without limits of their own
	limitNames map[Limit]string // Options.LimitNames
	settings   *SettingsType
	requests   *limiter
	refusals   refusalCounts
	failures   *failureLog
	turns      turnstiles
	tally      tally
	caches     cacheCounts
	written    func(t *Tenant) // may be nil
	tracer     Tracer          // may be nil
	slow       time.Duration
	patient    bool // Options.Patient

	changed   chan struct{}        // holds a token if there may be new drains
	beaten    chan struct{}        // holds a token after a heartbeat
	asked     chan struct{}        // holds a token if another process may have asked something
	sharing   sync.Mutex           // held while shares of connections come into force
	drains    sync.Map             // the operations whose tenants are being drained, by id
	olderCode sync.Map             // what is recorded of versions that this build doesn't know: SchemaRecord.OlderCode by version
	lazy      atomic.Pointer[lazy] // nil unless MigrateLazily was called
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// New makes a store, registers this process with the master, and begins to watch the master for
// changes. The caller must close the store, before the master and the engines.
func New(ctx context.Context, o Options) (*Store, error) {
	if o.MaxOpen < 1 {
		return nil, fmt.Errorf("at most %d open tenants: must be at least 1", o.MaxOpen)
	}
	o = o.withDefaults()
	s := &Store{
		master: o.Master, servers: newServers(o), grace: o.Grace, log: o.Log, changed: make(chan struct{}, 1), beaten: make(chan struct{}, 1), asked: make(chan struct{}, 1),
		limits: o.Limits, limitNames: o.LimitNames, settings: o.Settings, requests: newLimiter(time.Now), refusals: newRefusalCounts(), failures: newFailures(),
		written: o.Committed, tracer: o.Tracer, slow: o.SlowScope, patient: o.Patient,
	}
	if o.Tracer != nil {
		o.Master.Trace(o.Tracer)
	}
	s.pool = newPool(o.MaxOpen, o.Wait, s.open)
	s.pool.rest = o.Rest
	s.inquiries.find = s.find
	var err error
	if s.registry, err = newRegistry(o.CacheSize, s.inquiries.ask); err != nil {
		return nil, fmt.Errorf("cache of %d tenants: %w", o.CacheSize, err)
	}
	s.dropShares() // until it has some
	s.servers.opened = s.wakeShares
	s.process, err = join(ctx, o, func() { s.dropShares(); s.pool.evacuate(ErrLapsed) })
	if err != nil {
		return nil, err
	}
	s.registry.away = s.process.isAway
	s.dues = newDues(o.Master, s.process, o.Log)
	s.takeShares(ctx)
	s.start()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.CacheSize == 0 {
		o.CacheSize = 100_000
	}
	if o.Rest == 0 {
		o.Rest = 30 * time.Second
	}
	if o.InstanceTTL == 0 {
		o.InstanceTTL = DefaultInstanceTTL
	}
	if o.SlowScope == 0 {
		o.SlowScope = time.Second
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
		if o.Patient {
			o.Wait += lifeOf(o.InstanceTTL, o.MasterAway) + commitMargin + o.InstanceTTL
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Settings == nil {
		o.Settings = noSettings()
	}
	return o
}

// versions returns the schema versions of the process's build. All of its servers have the same ones.
func (o Options) versions() migrate.Versions {
	for _, engine := range o.Servers {
		return engine.Versions()
	}
	return migrate.Versions{}
}

// start begins to watch the master, to send heartbeats and to drain tenants.
func (s *Store) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() {
		if err := s.master.Watch(ctx, s.changedInMaster); ctx.Err() == nil {
			s.log.Error("watch of the master ended", "error", err)
		}
	})
	s.running.Go(func() {
		s.process.keep(ctx, func(anew bool) {
			if anew {
				s.registry.forget()
			}
			s.wakeShares()
			s.wakeDrains() // in case a notification got lost
			s.retireReplaced(ctx)
		})
	})
	s.running.Go(func() { s.drainTenants(ctx) })
	s.running.Go(func() { s.keepShares(ctx) })
	s.running.Go(func() { s.answerQuestions(ctx) })
	s.running.Go(func() { s.dues.run(ctx) })
}

// changedInMaster is called after changes by any process, as WatchFunc says.
func (s *Store) changedInMaster(what string) {
	if what == QuestionAsked || what == "" {
		s.wakeAnswers()
	}
	if what == QuestionAsked {
		return
	}
	s.dues.mayHaveChanged() // a tenant may have become active
	s.master.WakeJobs()
	if what != DueChanged {
		s.Refresh(what)
	}
}

// Refresh makes changes of a tenant in the master take effect here at once; if tenantID is empty,
// changes of any tenant. Changes by other processes take effect without it.
func (s *Store) Refresh(tenantID string) {
	if tenantID == "" {
		s.registry.flush()
		s.servers.stale.Store(true)
	} else {
		s.registry.evict(tenantID)
	}
	s.wakeDrains()
}

// Close refuses new scopes, waits until the running ones are over, and closes all handles. If ctx
// ends first it returns ctx's error; the handles still in use are closed as their scopes end, before
// other processes count this one as dead.
func (s *Store) Close(ctx context.Context) error {
	err := s.pool.close(ctx)
	s.lazy.Load().close()
	s.stop()
	s.running.Wait()
	if err != nil {
		return err
	}
	s.dues.close(ctx)
	if err := s.process.leave(ctx); err != nil { // others will find out that it is dead
		s.log.WarnContext(ctx, "remove this process from the master", "error", err)
	}
	return s.servers.close()
}

// IsServing reports whether the process serves tenants whose databases are open: it has lost touch with the master at
// most Options.MasterAway ago.
func (s *Store) IsServing() bool { return s.process.check() == nil }

// Grace returns how long running scopes may take before an operation cancels them.
func (s *Store) Grace() time.Duration { return s.grace }

// Process returns this process among those with the same master.
func (s *Store) Process() *Process { return s.process }

// Master returns the store's master database.
func (s *Store) Master() *Master { return s.master }

// Dues returns which tenants have work to do.
func (s *Store) Dues() *Dues { return s.dues }

// Server returns the engine of a server. It opens a server of the master at its first use. Returns ErrUnavailable
// if no server has the name, or if the server can't be opened; it is tried again in the background then.
func (s *Store) Server(name string) (Engine, error) {
	engine, err := s.servers.get(name)
	if err != nil {
		return nil, err
	}
	return engine.Engine, nil
}
