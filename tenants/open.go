package tenants

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants/migrate"
)

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

// readState reads only the tenant's epoch, state and schema version in the master. It is asked before each opening, so it goes
// without gorm.
func (s *Store) readState(ctx context.Context, id string) (*Tenant, error) {
	var t Tenant
	err := s.master.readRow(ctx, "SELECT epoch, state, schema_version FROM tenants WHERE id = $1", id, &t.Epoch, &t.State, &t.SchemaVersion)
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
	return newHandle(engine.Base(), conns, s.quotaOf(t, engine, conns), s.turns.laneFor(t.Server, conns.Place), newValues(&s.caches)), nil
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
