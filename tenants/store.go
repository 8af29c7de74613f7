// Package tenants maps a host to a tenant, leases the tenant's database, and
// runs code in a transaction on it. Package web calls it for each request, which
// passes through:
//
//	host.go         finds the subdomain in the request's host
//	registry.go     finds the subdomain's tenant, in memory or in the master
//	pool.go         leases the tenant's open handle, and opens it if needed; aside.go, without pushing another one out
//	handle.go       an open database
//	version.go      checks that this build can serve its schema version; schemarecord.go, if a newer one has migrated it
//	lazy.go         migrates it if it is behind; olderbuild.go, who couldn't serve it then
//	maintenance.go  checks that its operator hasn't closed it
//	limits.go       what a tenant may use; limiter.go counts its requests, limit_text.go reads and writes limits
//	each.go         reads many tenants
//	scope.go        begins the transaction, commits or rolls back
//	turn.go         gives each tenant's scopes a fair turn
//	quota.go        refuses writes if the tenant or the disk is full
//	transaction.go  watches the statements and decides whether it may commit; statement_time.go, for how long they take
//	sqltext.go      reads the first word of a statement
//	nested.go       detects a scope that was begun within another
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
//	load.go         counts open handles
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
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

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
	master   *Master
	servers  *servers
	registry *registry
	pool     *pool
	process  *Process
	dues     *Dues
	grace    time.Duration
	log      *slog.Logger
	limits   Limits // of tenants without limits of their own
	requests *limiter
	refusals refusalCounts
	failures *failureLog
	turns    turnstiles
	tally    tally
	written  func(t *Tenant) // may be nil
	tracer   Tracer          // may be nil
	slow     time.Duration
	patient  bool // Options.Patient

	changed   chan struct{}        // holds a token if there may be new drains
	beaten    chan struct{}        // holds a token after a heartbeat
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
		master: o.Master, servers: newServers(o), grace: o.Grace, log: o.Log, changed: make(chan struct{}, 1), beaten: make(chan struct{}, 1),
		limits: o.Limits, requests: newLimiter(time.Now), refusals: newRefusalCounts(), failures: newFailures(),
		written: o.Committed, tracer: o.Tracer, slow: o.SlowScope, patient: o.Patient,
	}
	if o.Tracer != nil {
		o.Master.Trace(o.Tracer)
	}
	s.pool = newPool(o.MaxOpen, o.Wait, s.open)
	s.pool.rest = o.Rest
	var err error
	if s.registry, err = newRegistry(o.CacheSize, s.find); err != nil {
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
	s.running.Go(func() { s.dues.run(ctx) })
}

// changedInMaster is called after changes by any process, as WatchFunc says.
func (s *Store) changedInMaster(what string) {
	s.dues.mayHaveChanged() // a tenant may have become active
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

// Lookup returns the tenant that is served, perhaps only to those who read, at the subdomain, or at the custom host if name has dots.
// The tenant is shared and must not be changed. Returns ErrUnknownTenant (also for tenants that
// nobody should see), a *MovedError, ErrSuspended, ErrMaintenance, a *MaintenanceError, a *VersionError, or ErrUnavailable
// if the master doesn't answer. A tenant that is migrated by its first scope is returned.
func (s *Store) Lookup(ctx context.Context, name string) (*Tenant, error) {
	t, err := s.registry.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.checkReadable(t); err != nil && !s.isMigrated(t, err) {
		return nil, err
	}
	return t, nil
}

// checkServed returns nil if the tenant is checkServed in its state, else the reason.
func (s *Store) checkServed(t *Tenant) error {
	switch t.State {
	case StateActive:
		if err := t.Maintenance.refuse(); err != nil {
			return err
		}
		return s.checkSchema(t)
	case StateSuspended:
		return ErrSuspended
	case StateMaintenance:
		return ErrMaintenance
	}
	return ErrUnknownTenant
}

// checkReadable is checkServed for those who only read.
func (s *Store) checkReadable(t *Tenant) error {
	if t.State == StateMaintenance && t.ReadOnly && !t.Maintenance.IsOn() {
		return s.checkSchema(t)
	}
	return s.checkServed(t)
}

// checkSchema returns nil if this build can serve the tenant's schema version, according to the master,
// else a *VersionError. For a server that isn't open it returns nil: opening a handle checks the database's version.
func (s *Store) checkSchema(t *Tenant) error {
	engine := s.servers.known(t.Server)
	if engine == nil {
		return nil
	}
	return s.checkVersion(engine.Versions(), t.SchemaVersion)
}

// checkMaintainable returns nil if operators can reach the tenant's data, else the reason.
func (s *Store) checkMaintainable(t *Tenant) error {
	switch {
	case t.State == StatePurged:
		return ErrUnknownTenant
	case t.ReadOnly:
		return ErrMaintenance
	}
	return s.checkSchema(t)
}

// View runs f in a read-only transaction on the tenant's database. Nothing is ever stored. It returns
// f's error, or one of this package's. It refuses a tenant that isn't served now, with the errors of
// Lookup, however long ago t was read.
func (s *Store) View(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, access{check: (*Store).checkReadable, migrates: true}, s.mostScopes(ctx, t), (*handle).view, f)
}

// Update runs f in a transaction on the tenant's database. It commits if f returns nil, no statement
// failed and ctx has not ended. Otherwise nothing is stored, and Update returns f's error or one of
// this package's. After a panic it rolls back and panics again. Updates of a SQLite tenant run one
// after another. Tenants that aren't served are refused as in View.
func (s *Store) Update(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, access{check: (*Store).checkServed, migrates: true}, s.mostScopes(ctx, t), (*handle).update, f)
}

// Maintain is Update for operators. It doesn't count as one of the tenant's scopes at once. It also accepts a
// tenant that is being created, suspended, archived or under maintenance, unless this build can't serve its schema
// version. Requests never use it.
func (s *Store) Maintain(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, access{check: (*Store).checkMaintainable}, 0, (*handle).update, f)
}

// Hold calls f while the tenant's handle is leased, without a transaction: until f returns, no operation moves, removes
// or migrates the database. It also accepts a tenant that is suspended, archived or under maintenance. f's ctx ends when an operation can't wait any longer.
func (s *Store) Hold(ctx context.Context, t *Tenant, f func(ctx context.Context) error) error {
	lease, err := s.lease(ctx, t, access{check: (*Store).checkPresent}, 0)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
	}
	defer s.pool.release(lease)
	guarded, stop := lease.guard(ctx)
	defer stop()
	return lease.explain(f(guarded))
}

// checkPresent returns nil if the tenant's database is in use.
func (s *Store) checkPresent(t *Tenant) error {
	if t.State == StateProvisioning || t.State == StatePurged {
		return ErrUnknownTenant
	}
	return nil
}

// access says who may use a tenant.
type access struct {
	// check returns nil if the caller may use the tenant, as it is in the master, else the reason.
	check func(s *Store, t *Tenant) error
	// migrates is true if a tenant that is behind is migrated for the caller, if lazy migration is on.
	migrates bool
	// aside is true if the handle is leased as pool.acquireAside does.
	aside bool
}

// acquire leases the tenant's handle from the pool. The caller must call release.
func (a access) acquire(ctx context.Context, p *pool, t *Tenant, most int64) (*entry, error) {
	if a.aside {
		return p.acquireAside(ctx, t)
	}
	return p.acquire(ctx, t, most)
}

// release returns a lease of acquire.
func (a access) release(p *pool, e *entry) {
	if a.aside {
		p.releaseAside(e)
		return
	}
	p.release(e)
}

// scope leases the tenant's handle for one run of f. Hooks run last, after the lease was released,
// because they may begin scopes.
func (s *Store) scope(ctx context.Context, t *Tenant, may access, most int64, run func(*handle, context.Context, *scope, Func) error, f Func) (err error) {
	sc := scope{log: s.log, tenant: t.Subdomain, tenantID: t.ID, dues: s.dues, limits: s.Limits(t), tally: &s.tally, called: time.Now(), check: func() error { return s.checkCommit(ctx) }}
	defer sc.runHooks(ctx)
	traced := s.trace(ctx, &sc, t) // another variable: one that changes would be allocated for the closures
	defer func() { s.note(ctx, &sc, err); s.countRefusal(err) }()
	told, stopTelling := s.tellWait(t, f)
	defer stopTelling()
	if scopeOf(ctx) != nil {
		return ErrNestedScope
	}
	lease, err := s.leaseMigrated(traced, t, may, most)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, s.explainWait(t, err))
	}
	defer may.release(s.pool, lease)
	guarded, stop := lease.guard(traced)
	defer stop()
	err = run(lease.handle, guarded, &sc, told)
	if s.written != nil && sc.mayHaveWritten(err) {
		s.written(lease.tenant)
	}
	s.noteBegin(guarded, t, sc.t != nil, err)
	if sc.t == nil {
		err = s.explainWait(t, err)
	}
	err = lease.explain(err)
	if errors.Is(err, ErrReplaced) {
		s.reopen(lease, err)
	}
	return err
}

// checkCommit returns nil if a scope that was called with ctx may commit, else the reason. The scope's
// own context is cancelled a moment later than ctx, so that alone is not enough.
func (s *Store) checkCommit(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.process.check()
}

// leaseTries limits how often a tenant is read for one lease. It is read again if an operation has
// marked it since.
const leaseTries = 3

// lease leases the tenant's handle if the caller may use the tenant in its present state. If the
// tenant has changed since t was read, lease reads it again. Returns a *LimitError if the tenant has
// most leases already, unless most is 0.
func (s *Store) lease(ctx context.Context, t *Tenant, may access, most int64) (*entry, error) {
	if err := s.process.check(); err != nil {
		return nil, err
	}
	if err := s.servers.breakerOf(t.Server).admit(); err != nil {
		return nil, err
	}
	if may.check(s, t) == nil {
		if e, err := may.acquire(ctx, s.pool, t, most); !errors.Is(err, errStale) {
			return e, err
		}
	}
	for range leaseTries {
		fresh, err := s.read(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		if err := may.check(s, fresh); err != nil {
			return nil, err
		}
		if fresh.Subdomain != t.Subdomain { // it may be another tenant's by now
			return nil, fmt.Errorf("%w: it has another subdomain now", ErrMaintenance)
		}
		if e, err := may.acquire(ctx, s.pool, fresh, most); !errors.Is(err, errStale) {
			return e, err
		}
	}
	return nil, fmt.Errorf("%w: operations change it all the time", ErrMaintenance)
}

// read reads the tenant's row in the master.
func (s *Store) read(ctx context.Context, id string) (*Tenant, error) {
	var t Tenant
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		if err := tx.Take(&t, "id = ?", id).Error; err != nil {
			return err
		}
		return s.learnOf(tx, &t)
	})
	return &t, explainRead(err)
}

// explainRead returns the error for a tenant's row that couldn't be read, or nil.
func explainRead(err error) error {
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, sql.ErrNoRows):
		return ErrUnknownTenant
	case err != nil:
		return fmt.Errorf("look up tenant again: %w: %w", ErrUnavailable, err)
	}
	return nil
}

// open opens a tenant's handle for the pool. Returns errStale if the tenant has changed.
func (s *Store) open(ctx context.Context, t *Tenant) (*handle, error) {
	if err := s.checkFresh(ctx, t); err != nil {
		return nil, err
	}
	handle, err := s.openDatabase(ctx, t)
	if err != nil {
		s.noteFailure(t, err)
		s.log.ErrorContext(ctx, "open database", "tenant", t.Subdomain, "error", err)
	}
	return handle, err
}

// checkFresh compares t, which may be out of date, with the master. Returns errStale if the tenant has changed. While
// the master doesn't answer, a tenant that the registry knows is as it was, for as long as this process serves.
func (s *Store) checkFresh(ctx context.Context, t *Tenant) error {
	ctx, cancel := context.WithTimeout(ctx, s.registry.timeout())
	defer cancel()
	now, err := s.readState(ctx, t.ID)
	switch {
	case errors.Is(err, ErrUnavailable) && s.registry.knows(t):
		return s.process.check()
	case err != nil:
		return err
	case now.Epoch != t.Epoch || now.State != t.State || now.SchemaVersion != t.SchemaVersion:
		return errStale
	}
	return nil
}

// readState reads only the tenant's epoch, state and schema version in the master.
func (s *Store) readState(ctx context.Context, id string) (*Tenant, error) {
	var t Tenant
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		row := tx.Raw("SELECT epoch, state, schema_version FROM tenants WHERE id = ?", id).Row()
		return row.Scan(&t.Epoch, &t.State, &t.SchemaVersion)
	})
	return &t, explainRead(err)
}

// openDatabase opens the tenant's database.
func (s *Store) openDatabase(ctx context.Context, t *Tenant) (*handle, error) {
	engine, err := s.servers.get(t.Server)
	if err != nil {
		return nil, err
	}
	conns, err := engine.Open(ctx, t)
	if err == nil {
		err = s.checkDatabase(ctx, engine, conns)
	}
	if err != nil {
		return nil, err
	}
	return newHandle(engine.Base(), conns, s.quotaOf(t, engine, conns), s.turns.laneFor(t.Server, conns.Place)), nil
}

// checkDatabase closes conns and returns an error if this build can't serve the database's schema
// version. It reads the version from the database, not from the master.
func (s *Store) checkDatabase(ctx context.Context, engine Engine, conns *Conns) error {
	version, err := versionOf(ctx, conns)
	if err == nil {
		err = s.CheckServable(ctx, engine, version)
	}
	if err != nil {
		return errors.Join(err, conns.Close())
	}
	return nil
}

// versionOf returns the schema version of a database that was opened a moment ago.
func versionOf(ctx context.Context, conns *Conns) (int64, error) {
	if conns.Version != 0 {
		return conns.Version, nil
	}
	version, err := migrate.Current(ctx, conns.Read)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return version, nil
}

// find looks up a name in the master, for the registry.
func (s *Store) find(ctx context.Context, name string) (t *Tenant, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		if strings.Contains(name, ".") {
			t, err = findByHost(tx, name)
		} else {
			t, err = s.findBySubdomain(tx, name)
		}
		if err != nil {
			return err
		}
		return s.learnOf(tx, t)
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrUnknownTenant
	case errors.Is(err, ErrUnknownTenant):
		return nil, err
	case err != nil:
		s.log.ErrorContext(ctx, "look up tenant", "name", name, "error", err)
		return nil, fmt.Errorf("look up tenant: %w: %w", ErrUnavailable, err)
	}
	return t, nil
}

// findByHost returns the tenant that has verified the host.
func findByHost(tx *gorm.DB, host string) (*Tenant, error) {
	var t Tenant
	err := withMainDomain(tx).Where("id = (SELECT tenant_id FROM domains WHERE host = ? AND verified_at IS NOT NULL)", host).Take(&t).Error
	return &t, err
}

// withMainDomain preloads tenants' main domains.
func withMainDomain(tx *gorm.DB) *gorm.DB { return tx.Preload("Domains", "main") }

// findBySubdomain returns the tenant with the subdomain, or a *MovedError.
func (s *Store) findBySubdomain(tx *gorm.DB, subdomain string) (*Tenant, error) {
	var t Tenant
	err := withMainDomain(tx).Where("subdomain = ?", subdomain).Take(&t).Error
	if !errors.Is(err, gorm.ErrRecordNotFound) {
		return &t, err
	}
	now, err := s.master.Now(tx)
	if err != nil {
		return nil, err
	}
	var moved []string
	err = tx.Raw(`SELECT t.subdomain FROM retired_subdomains r JOIN tenants t ON t.id = r.tenant_id
		WHERE r.subdomain = ? AND r.redirect_until > ? AND t.state IN ?`,
		subdomain, now, []State{StateActive, StateSuspended, StateMaintenance}).Scan(&moved).Error
	switch {
	case err != nil:
		return nil, err
	case len(moved) == 0:
		return nil, ErrUnknownTenant
	}
	return nil, &MovedError{moved[0]}
}
