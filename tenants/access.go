package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// checkServed returns nil if the tenant is served in its state, else the reason.
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
	if err := mayWrite(ctx, t); err != nil {
		return err
	}
	return s.scope(ctx, t, access{check: (*Store).checkServed, migrates: true}, s.mostScopes(ctx, t), (*handle).update, f)
}

// Maintain is Update for operators. It doesn't count as one of the tenant's scopes at once. It also accepts a
// tenant that is being created, suspended, archived or under maintenance, unless this build can't serve its schema
// version. Requests never use it.
func (s *Store) Maintain(ctx context.Context, t *Tenant, f Func) error {
	if err := mayWrite(ctx, t); err != nil {
		return err
	}
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

// Changed does what a scope does that may have changed the tenant's database, for a change outside of scopes.
func (s *Store) Changed(t *Tenant) {
	if s.written != nil {
		s.written(t)
	}
}

// scope leases the tenant's handle for one run of f. Hooks run last, after the lease was released,
// because they may begin scopes.
func (s *Store) scope(ctx context.Context, t *Tenant, may access, most int64, run func(*handle, context.Context, *scope, Func) error, f Func) (err error) {
	sc := scope{log: s.log, tenant: t.Subdomain, tenantID: t.ID, dues: s.dues, limits: s.Limits(t), settings: s.settings.of(t), tally: &s.tally, called: time.Now(), check: func() error { return s.checkCommit(ctx) }}
	defer sc.runHooks(ctx)
	traced := s.trace(ctx, &sc, t) // another variable: the closures would have ctx allocated if it changed
	defer func() { s.note(ctx, &sc, err); s.countRefusal(err) }()
	told, stopTelling := s.tellWait(t, f)
	defer stopTelling()
	if scopeOf(ctx) != nil {
		return ErrNestedScope
	}
	if may.aside {
		if err := s.laneAside(t).enter(traced, &sc.turn); err != nil {
			return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
		}
		defer sc.turn.leaveSlowly()
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
