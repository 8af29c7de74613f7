// Package tenants maps a host to a tenant, leases the tenant's database, and
// runs code in a transaction on it. A request's way through the package:
//
//	host.go         the host's subdomain, if it can be one
//	registry.go     the subdomain's tenant, from memory or the master
//	middleware.go   reads the body, then runs the handlers in a scope
//	pool.go         leases the tenant's open handle, opening it where needed
//	scope.go        begins the transaction, commits or rolls back
//	transaction.go  watches the statements and decides whether it may commit
//	response.go     holds the reply back until the commit
package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
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
	// Wait bounds the wait for a handle; 0 means 5 seconds.
	Wait time.Duration
	// Log gets what no caller can be told; nil means slog.Default().
	Log *slog.Logger
}

// Store gives scopes on tenants' databases. It is safe for concurrent use.
type Store struct {
	master   *Master
	servers  map[string]Engine
	registry *registry
	pool     *pool
	log      *slog.Logger
	replies  sync.Pool // of *heldReply

	stopWatch context.CancelFunc
	watching  sync.WaitGroup
}

// New makes a store and begins to watch the master for changes. The caller
// closes it, before the master and the engines.
func New(o Options) (*Store, error) {
	if o.MaxOpen < 1 {
		return nil, fmt.Errorf("at most %d open tenants: must be at least 1", o.MaxOpen)
	}
	if o.CacheSize == 0 {
		o.CacheSize = 100_000
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Store{master: o.Master, servers: o.Servers, log: o.Log}
	s.pool = newPool(o.MaxOpen, o.Wait, s.open)
	registry, err := newRegistry(o.CacheSize, s.find)
	if err != nil {
		return nil, fmt.Errorf("cache of %d tenants: %w", o.CacheSize, err)
	}
	s.registry = registry
	s.startWatch()
	return s, nil
}

// startWatch lets changes of the master take effect here.
func (s *Store) startWatch() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stopWatch = cancel
	s.watching.Go(func() {
		if err := s.master.Watch(ctx, s.registry.flush); ctx.Err() == nil {
			s.log.Error("watch of the master ended", "error", err)
		}
	})
}

// Close refuses new scopes, waits until those that run are over, and closes
// all handles. When ctx ends first it returns ctx's error; the handles still
// in use are closed as their scopes end.
func (s *Store) Close(ctx context.Context) error {
	s.stopWatch()
	s.watching.Wait()
	return s.pool.close(ctx)
}

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

// Lookup returns the tenant that is served at subdomain. The tenant is shared
// and must not be changed. It returns ErrUnknownTenant for tenants that nobody
// should see, ErrSuspended, ErrMaintenance, or ErrUnavailable when the master
// can't be asked.
func (s *Store) Lookup(ctx context.Context, subdomain string) (*models.Tenant, error) {
	t, err := s.registry.lookup(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	switch t.State {
	case models.StateActive:
		return t, nil
	case models.StateSuspended:
		return nil, ErrSuspended
	case models.StateMaintenance:
		return nil, ErrMaintenance
	}
	return nil, ErrUnknownTenant
}

// View runs f in a read-only transaction on the tenant's database. Of all
// writes, none is stored. It returns f's error, or one of this package's.
func (s *Store) View(ctx context.Context, t *models.Tenant, f Func) error {
	return s.scope(ctx, t, (*handle).view, f)
}

// Update runs f in a transaction on the tenant's database. It commits when f
// returns nil, no statement failed and ctx has not ended; else nothing is
// stored, and f's error or one of this package's is returned. A panic rolls
// back and goes on. Updates of a SQLite tenant run one after another.
func (s *Store) Update(ctx context.Context, t *models.Tenant, f Func) error {
	return s.scope(ctx, t, (*handle).update, f)
}

// scope leases the tenant's handle for one run of f. Hooks run last, when the
// lease is given back: they may begin scopes.
func (s *Store) scope(ctx context.Context, t *models.Tenant, run func(*handle, context.Context, *scope, Func) error, f Func) error {
	sc := scope{log: s.log}
	defer sc.runHooks(ctx)
	if inScope(ctx) {
		return ErrNestedScope
	}
	lease, err := s.pool.acquire(ctx, t)
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
	}
	defer s.pool.release(lease)
	return run(lease.handle, ctx, &sc, f)
}

// open opens a tenant's handle for the pool.
func (s *Store) open(ctx context.Context, t *models.Tenant) (*handle, error) {
	engine, err := s.Server(t.Server)
	if err != nil {
		return nil, err
	}
	conns, err := engine.Open(ctx, t)
	if err != nil {
		s.log.ErrorContext(ctx, "open database", "tenant", t.Subdomain, "error", err)
		return nil, err
	}
	return newHandle(engine.Base(), conns), nil
}

// find asks the master for the registry.
func (s *Store) find(ctx context.Context, subdomain string) (*models.Tenant, error) {
	var t models.Tenant
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("subdomain = ?", subdomain).Take(&t).Error
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrUnknownTenant
	case err != nil:
		s.log.ErrorContext(ctx, "look up tenant", "subdomain", subdomain, "error", err)
		return nil, fmt.Errorf("look up tenant: %w: %w", ErrUnavailable, err)
	}
	return &t, nil
}
