package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrNotEmpty means that a server already has a database by the name that a tenant's would have.
var ErrNotEmpty = errors.New("the server already has a database of this tenant; see what it is, and remove it")

// Move moves the tenant's database to another server, of any engine. It is copied while the tenant is served. Then the tenant is
// only read, and writes are refused as under maintenance, while what has changed since is brought over. The copy's rows
// are compared with the source's before the tenant leaves its server.
// The old database goes to the trash, where it is kept for DefaultGrace.
//
// Until the tenant has left, a failure undoes the move at once, and the operator repeats it. Afterwards the move is only
// delayed. If the process dies, Recover resumes it. Move does nothing if the tenant is on the server. Returns
// ErrUnknownServer, ErrSameServer, ErrNotEmpty, a *PlacementError, a *tenants.RoomError, the errors of portable.Copy, or those of Suspend.
func (m *Manager) Move(ctx context.Context, by Operator, subdomain, server string) (*tenants.Tenant, error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil || t.Server == server {
		return t, err
	}
	target, err := m.targetOf(ctx, t, server)
	if err == nil {
		err = m.checkRoomFor(ctx, t, server)
	}
	if err != nil {
		return nil, fmt.Errorf("move tenant %q to server %q: %w", t.Subdomain, server, err)
	}
	return m.doAsked(ctx, by, tenants.KindMove, subdomain, params{To: server}, func(tx *gorm.DB, j *job) error {
		switch {
		case j.tenant.Server == server:
			return errUnchanged
		case !j.tenant.State.IsSettled():
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
		}
		if err := claim(tx, server); err != nil {
			return err
		}
		j.params.From, j.params.To, j.params.Version = j.tenant.State, server, target.SchemaVersion()
		j.params.Database = target.DatabaseName(j.tenant.ID)
		if len(j.tenant.Credentials) > 0 {
			return nil
		}
		credentials, err := target.NewCredentials(j.tenant.ID)
		if err != nil || credentials == nil {
			return err
		}
		return setTenant(tx, j, map[string]any{"credentials": credentials})
	})
}

// targetOf returns the engine of a server that the tenant can move to.
func (m *Manager) targetOf(ctx context.Context, t *tenants.Tenant, server string) (tenants.Engine, error) {
	target, err := m.store.Server(server)
	if err != nil {
		if !slices.Contains(m.store.Servers(), server) {
			err = ErrUnknownServer
		}
		return nil, err
	}
	source, err := m.store.Server(t.Server)
	if err != nil {
		return nil, err
	}
	if err := m.store.CheckServable(ctx, target, t.SchemaVersion); err != nil {
		return nil, err
	}
	if err := expectOther(ctx, source, target); err != nil {
		return nil, err
	}
	if t.LeftServer != nil && *t.LeftServer == server {
		return target, nil // what is there is removed first
	}
	faults, err := target.Examine(ctx, placed(t, server, target.DatabaseName(t.ID)))
	if err == nil && !slices.ContainsFunc(faults, func(f tenants.Fault) bool { return f.Kind == tenants.FaultMissing }) {
		err = ErrNotEmpty
	}
	return target, err
}

// placed returns the tenant as it would be on another server.
func placed(t *tenants.Tenant, server, database string) *tenants.Tenant {
	other := *t
	other.Server, other.Database, other.State = server, database, tenants.StateActive
	return &other
}

// placesInSchemas reports whether a tenant's tables on the server have a name of their own in its database.
func placesInSchemas(engine tenants.Engine) bool {
	placed, ok := engine.(tenants.Placed)
	return ok && placed.Placement() == tenants.PlacementSchema
}

// expectOther returns ErrSameServer if both engines work on the same server, on which a tenant's database has one name.
// The first word of a Postgres server's identity is the same for all of its databases. In schemas a tenant's tables have that
// name in one database, and its role has another one.
func expectOther(ctx context.Context, source, target tenants.Engine) error {
	if source.Dialect() != target.Dialect() {
		return nil
	}
	one, err := identify(ctx, source)
	if err != nil {
		return err
	}
	other, err := identify(ctx, target)
	if err != nil {
		return err
	}
	if source.Dialect() == "postgres" && !placesInSchemas(source) && !placesInSchemas(target) {
		one, _, _ = strings.Cut(one, " ")
		other, _, _ = strings.Cut(other, " ")
	}
	if one != "" && one == other {
		return ErrSameServer
	}
	return nil
}

// clearLeft removes the database that an earlier move has left behind.
func clearLeft(m *Manager, ctx context.Context, j *job) error {
	if j.tenant.LeftServer == nil || j.tenant.LeftDatabase == nil {
		return nil
	}
	engine, err := m.store.Server(*j.tenant.LeftServer)
	if err != nil {
		return err
	}
	return engine.Drop(ctx, placed(&j.tenant, *j.tenant.LeftServer, *j.tenant.LeftDatabase))
}

// forgetLeft records that nothing is left behind.
func forgetLeft(tx *gorm.DB, j *job) error {
	if j.tenant.LeftServer != nil {
		if err := forgetCopies(tx, j.tenant.ID, *j.tenant.LeftServer); err != nil {
			return err
		}
	}
	return setTenant(tx, j, map[string]any{"left_server": nil, "left_database": nil, "left_until": nil})
}

// target returns the tenant on the server that it moves to, and the engine there.
func (m *Manager) target(t tenants.Tenant, p params) (*tenants.Tenant, tenants.Engine, error) {
	engine, err := m.store.Server(p.To)
	if err != nil {
		return nil, nil, err
	}
	return placed(&t, p.To, engine.DatabaseName(t.ID)), engine, nil
}

// switchServer puts the tenant on the new server. It is still only read: a process may read from the old one.
func switchServer(tx *gorm.DB, j *job) error {
	return mark(tx, j, map[string]any{
		"server": j.params.To, "database": j.params.Database,
		"left_server": j.tenant.Server, "left_database": j.tenant.Database, "left_until": j.now.Add(DefaultGrace),
	})
}

// endMove returns the tenant to its state before the move.
func endMove(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"state": j.params.From, "read_only": false})
}

// trashLeft moves the old database to the trash.
func trashLeft(m *Manager, ctx context.Context, j *job) error {
	if j.tenant.LeftServer == nil || j.tenant.LeftDatabase == nil {
		return nil
	}
	engine, err := m.store.Server(*j.tenant.LeftServer)
	if err != nil {
		return err
	}
	err = engine.Trash(ctx, placed(&j.tenant, *j.tenant.LeftServer, *j.tenant.LeftDatabase))
	if errors.Is(err, tenants.ErrNoDatabase) {
		return nil
	}
	return err
}

// dropTarget removes what a move that is being undone has made.
func dropTarget(m *Manager, ctx context.Context, j *job) error {
	t, target, err := m.target(j.tenant, j.params)
	if err != nil {
		return err
	}
	return target.Drop(ctx, t)
}

// removeLeft removes the database that a tenant has left behind, when it is due.
func (m *Manager) removeLeft(ctx context.Context, by Operator, id string) error {
	_, err := m.do(ctx, by, tenants.KindRemove, id, func(_ *gorm.DB, j *job) error {
		if j.tenant.LeftUntil == nil || j.tenant.LeftUntil.After(j.now) {
			return errUnchanged
		}
		j.params.Left = true
		j.plan = planWith(tenants.KindRemove, j.params)
		return nil
	})
	return err
}
