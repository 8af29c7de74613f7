// Package tenants maps a host to a tenant, leases the tenant's database, and
// runs code in a transaction on it. A request, which package web leads here,
// passes:
//
//	host.go         the host's subdomain, if it can be one
//	registry.go     the subdomain's tenant, from memory or the master
//	pool.go         leases the tenant's open handle, opening it where needed
//	handle.go       an open database; version.go, that this build can serve it
//	scope.go        begins the transaction, commits or rolls back
//	room.go         refuses writes when the tenant or the disk is full
//	transaction.go  watches the statements and decides whether it may commit
//	sqltext.go      the first word of a statement
//	nested.go       finds a scope that was begun within another
//	replaced.go     what happens when the file of an open database is replaced
//
// Below it are the engines, and beside it other processes:
//
//	engine.go       what an engine does; base.go, the *gorm.DB that it clones
//	object.go       what is on a server; fault.go, what is wrong with it
//	source.go       databases to adopt
//	master.go       the master database, with scopes of its own
//	process.go      keeps this process known to the others
//	presence.go     tells whether another process lives
//	drain.go        lets go of tenants that an operation needs; quiesce.go waits
//	load.go         how much is open; failures.go and health.go, what can't be
//	errors.go       what may go wrong
package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/migrate"
)

// DefaultServer is the name of the server on which tenants are placed unless
// the operator names another.
const DefaultServer = "default"

// Options are what a Store is made of.
type Options struct {
	// Master is where tenants are registered. The store doesn't close it.
	Master *Master
	// Servers are the engines by the name that Tenant.Server gives. The store
	// doesn't close them.
	Servers map[string]Engine
	// MaxOpen bounds the handles open at once; it must be at least 1.
	MaxOpen int
	// CacheSize bounds the tenants kept in memory; 0 means 100,000.
	CacheSize int
	// InstanceTTL is how long this process is counted alive after its last
	// heartbeat in the master; 0 means DefaultInstanceTTL.
	InstanceTTL time.Duration
	// Grace is what scopes that run get before an operation that needs quiet
	// ends them; 0 means 30 seconds.
	Grace time.Duration
	// Wait bounds the wait for a handle; 0 means 5 seconds.
	Wait time.Duration
	// MaxSize is how many bytes a tenant's database may take, above which Update
	// is ErrTenantFull; 0 means any number. A database is measured when it could
	// have reached the bound at 64 MiB a second, at least once a minute and at most
	// once a second, in the Update that is due: writes of the second in between are
	// let in beyond the bound, on SQLite by at most an eighth of it. On Postgres
	// the measurement looks at each file of the database (0.3 ms for one of this
	// application's), and rows that were deleted count until VACUUM has given
	// their space back.
	MaxSize int64
	// MinFree is how many bytes of a server's disk are kept free, where they can
	// be counted: below, Update is ErrFull. AutoFree is a sensible number, 0 none.
	MinFree int64
	// Log gets what no caller can be told; nil means slog.Default().
	Log *slog.Logger
}

// Store gives scopes on tenants' databases. It is safe for concurrent use.
type Store struct {
	master   *Master
	servers  map[string]Engine
	registry *registry
	pool     *pool
	instance *Process
	grace    time.Duration
	log      *slog.Logger
	maxSize  int64
	disks    map[string]*disk // of servers, by name
	failures *failureLog

	changed chan struct{} // holds a token when drains may have begun
	drains  sync.Map      // of the operations whose tenants are being drained, by id
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New makes a store, registers this process with the master and begins to watch
// that for changes. The caller closes the store, before the master and the
// engines.
func New(ctx context.Context, o Options) (*Store, error) {
	if o.MaxOpen < 1 {
		return nil, fmt.Errorf("at most %d open tenants: must be at least 1", o.MaxOpen)
	}
	o = o.withDefaults()
	s := &Store{
		master: o.Master, servers: o.Servers, grace: o.Grace, log: o.Log, changed: make(chan struct{}, 1),
		maxSize: o.MaxSize, disks: watchDisks(o), failures: newFailures(),
	}
	s.pool = newPool(o.MaxOpen, o.Wait, s.open)
	var err error
	if s.registry, err = newRegistry(o.CacheSize, s.find); err != nil {
		return nil, fmt.Errorf("cache of %d tenants: %w", o.CacheSize, err)
	}
	s.instance, err = join(ctx, o.Master, o.InstanceTTL, o.Log, func() { s.pool.evacuate(ErrLapsed) })
	if err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.CacheSize == 0 {
		o.CacheSize = 100_000
	}
	if o.InstanceTTL == 0 {
		o.InstanceTTL = DefaultInstanceTTL
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// start lets changes of the master take effect here, and keeps the instance alive.
func (s *Store) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() {
		if err := s.master.Watch(ctx, s.Refresh); ctx.Err() == nil {
			s.log.Error("watch of the master ended", "error", err)
		}
	})
	s.running.Go(func() {
		s.instance.keep(ctx, func(anew bool) {
			if anew {
				s.registry.flush()
			}
			s.lookForDrains() // also where news of one got lost
			s.checkPlaces(ctx)
		})
	})
	s.running.Go(func() { s.drainTenants(ctx) })
}

// Refresh lets changes of a tenant in the master take effect here at once, or of
// any when tenantID is empty. Changes by other processes are noticed without it.
func (s *Store) Refresh(tenantID string) {
	if tenantID == "" {
		s.registry.flush()
	} else {
		s.registry.evict(tenantID)
	}
	s.lookForDrains()
}

// Close refuses new scopes, waits until those that run are over, and closes
// all handles. When ctx ends first it returns ctx's error; the handles still
// in use are closed as their scopes end, which happens before other processes
// count this one dead.
func (s *Store) Close(ctx context.Context) error {
	err := s.pool.close(ctx)
	s.stop()
	s.running.Wait()
	if err != nil {
		return err
	}
	if err := s.instance.leave(ctx); err != nil { // it is counted dead a little later instead
		s.log.WarnContext(ctx, "take this process out of the master", "error", err)
	}
	return nil
}

// Grace is what scopes that run get before an operation ends them.
func (s *Store) Grace() time.Duration { return s.grace }

// Process is this process among those with the same master.
func (s *Store) Process() *Process { return s.instance }

// Master is the master database that the store was made with.
func (s *Store) Master() *Master { return s.master }

// Server is the engine of a server; ErrUnavailable when none has the name.
func (s *Store) Server(name string) (Engine, error) {
	engine, ok := s.servers[name]
	if !ok {
		return nil, fmt.Errorf("server %q is not configured: %w", name, ErrUnavailable)
	}
	return engine, nil
}

// Lookup returns the tenant that is served at the subdomain, or at the host of
// its own when name has dots. The tenant is shared and must not be changed. It
// returns ErrUnknownTenant for tenants that nobody should see, a *MovedError,
// ErrSuspended, ErrMaintenance, a *VersionError, or ErrUnavailable when the
// master can't be asked.
func (s *Store) Lookup(ctx context.Context, name string) (*Tenant, error) {
	t, err := s.registry.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.served(t); err != nil {
		return nil, err
	}
	return t, nil
}

// served is why the tenant is not served, or nil.
func (s *Store) served(t *Tenant) error {
	switch t.State {
	case StateActive:
		return s.servable(t)
	case StateSuspended:
		return ErrSuspended
	case StateMaintenance:
		return ErrMaintenance
	}
	return ErrUnknownTenant
}

// servable is why this build can't serve the tenant's schema version, as the
// master has it, or nil. On a server that isn't configured nothing is served.
func (s *Store) servable(t *Tenant) error {
	engine, ok := s.servers[t.Server]
	if !ok {
		return nil
	}
	return CheckServable(t.SchemaVersion, engine.SchemaVersion())
}

// maintained is why operators can't reach what is in the tenant's database, or
// nil.
func (s *Store) maintained(t *Tenant) error {
	switch t.State {
	case StateProvisioning, StatePurged:
		return ErrUnknownTenant
	}
	return s.servable(t)
}

// View runs f in a read-only transaction on the tenant's database. Of all
// writes, none is stored. It returns f's error, or one of this package's. A
// tenant that isn't served now is refused as by Lookup, however long ago t was
// read.
func (s *Store) View(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, (*Store).served, (*handle).view, f)
}

// Update runs f in a transaction on the tenant's database. It commits when f
// returns nil, no statement failed and ctx has not ended; else nothing is
// stored, and f's error or one of this package's is returned. A panic rolls
// back and goes on. Updates of a SQLite tenant run one after another. Tenants
// that aren't served are refused as by View.
func (s *Store) Update(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, (*Store).served, (*handle).update, f)
}

// Maintain is Update for operators: it also reaches a tenant that is suspended,
// archived or under maintenance, but no schema version that this build can't
// serve. Requests never use it.
func (s *Store) Maintain(ctx context.Context, t *Tenant, f Func) error {
	return s.scope(ctx, t, (*Store).maintained, (*handle).update, f)
}

// access is why a way to tenants doesn't lead to one as it is in the master, or
// nil.
type access func(s *Store, t *Tenant) error

// scope leases the tenant's handle for one run of f. Hooks run last, when the
// lease is given back: they may begin scopes.
func (s *Store) scope(ctx context.Context, t *Tenant, may access, run func(*handle, context.Context, *scope, Func) error, f Func) error {
	sc := scope{log: s.log, tenant: t.Subdomain, check: func() error { return s.mayCommit(ctx) }}
	defer sc.runHooks(ctx)
	if scopeOf(ctx) != nil {
		return ErrNestedScope
	}
	lease, err := s.lease(ctx, t, may)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
	}
	defer s.pool.release(lease)
	guarded, stop := lease.guard(ctx)
	defer stop()
	err = run(lease.handle, guarded, &sc, f)
	s.noteBegin(guarded, t, sc.t != nil, err)
	err = lease.explain(err)
	if errors.Is(err, ErrReplaced) {
		s.reopen(lease, err)
	}
	return err
}

// mayCommit is why a scope of the caller with ctx may not commit, or nil. What
// the scope itself goes by hears of ctx's end a moment later.
func (s *Store) mayCommit(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.instance.check()
}

// leaseTries is how often a tenant is looked up for one lease. Each further time
// an operation has marked it in between.
const leaseTries = 3

// lease leases the tenant's handle if the caller may have it in the tenant's
// present state. A tenant that has changed since t was read is looked up again.
func (s *Store) lease(ctx context.Context, t *Tenant, may access) (*entry, error) {
	if err := s.instance.check(); err != nil {
		return nil, err
	}
	if may(s, t) == nil {
		if e, err := s.pool.acquire(ctx, t); !errors.Is(err, errStale) {
			return e, err
		}
	}
	for range leaseTries {
		fresh, err := s.read(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		if err := may(s, fresh); err != nil {
			return nil, err
		}
		if e, err := s.pool.acquire(ctx, fresh); !errors.Is(err, errStale) {
			return e, err
		}
	}
	return nil, fmt.Errorf("%w: operations change it all the time", ErrMaintenance)
}

// read reads the tenant's row in the master.
func (s *Store) read(ctx context.Context, id string) (*Tenant, error) {
	var t Tenant
	err := s.master.View(ctx, func(tx *gorm.DB) error { return tx.Take(&t, "id = ?", id).Error })
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrUnknownTenant
	case err != nil:
		return nil, fmt.Errorf("look up tenant again: %w: %w", ErrUnavailable, err)
	}
	return &t, nil
}

// open opens a tenant's handle for the pool. The row that the caller has may be
// of any age, and a tenant that isn't open may be anything by now: so it is
// compared with the master's, and errStale is returned where that has changed.
func (s *Store) open(ctx context.Context, t *Tenant) (*handle, error) {
	now, err := s.read(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if now.Epoch != t.Epoch || now.State != t.State || now.SchemaVersion != t.SchemaVersion {
		return nil, errStale
	}
	handle, err := s.openDatabase(ctx, t)
	if err != nil {
		s.noteFailure(t, err)
		s.log.ErrorContext(ctx, "open database", "tenant", t.Subdomain, "error", err)
	}
	return handle, err
}

// openDatabase opens the tenant's database as it is.
func (s *Store) openDatabase(ctx context.Context, t *Tenant) (*handle, error) {
	engine, err := s.Server(t.Server)
	if err != nil {
		return nil, err
	}
	conns, err := engine.Open(ctx, t)
	if err == nil {
		err = s.checkVersion(ctx, engine, conns)
	}
	if err != nil {
		return nil, err
	}
	return newHandle(engine.Base(), conns, s.roomOf(t, engine, conns)), nil
}

// checkVersion closes the connections to a database that this build can't serve,
// whatever the master says of it.
func (s *Store) checkVersion(ctx context.Context, engine Engine, conns *Conns) error {
	version, err := migrate.Current(ctx, conns.Read)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	default:
		err = CheckServable(version, engine.SchemaVersion())
	}
	if err != nil {
		return errors.Join(err, conns.Close())
	}
	return nil
}

// find asks the master for the registry.
func (s *Store) find(ctx context.Context, name string) (t *Tenant, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		if strings.Contains(name, ".") {
			t, err = findByHost(tx, name)
		} else {
			t, err = s.findBySubdomain(tx, name)
		}
		return err
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

// findByHost finds the tenant that has shown the host to be its own.
func findByHost(tx *gorm.DB, host string) (*Tenant, error) {
	var t Tenant
	err := withMainDomain(tx).Where("id = (SELECT tenant_id FROM domains WHERE host = ? AND verified_at IS NOT NULL)", host).Take(&t).Error
	return &t, err
}

// withMainDomain has tenants read with the domain where links to them lead.
func withMainDomain(tx *gorm.DB) *gorm.DB { return tx.Preload("Domains", "main") }

// findBySubdomain finds the tenant with the subdomain, or a *MovedError.
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
