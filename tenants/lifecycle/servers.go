package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Errors about servers.
var (
	// ErrUnknownServer means that there is no server with a name.
	ErrUnknownServer = errors.New("there is no such server")
	// ErrServerExists means that the master has a server with the name.
	ErrServerExists = errors.New("there is a server with this name already")
	// ErrServerInUse means that tenants have data on the server.
	ErrServerInUse = errors.New("tenants have data on the server")
	// ErrDefaultServer means that the server is the one that processes are configured with.
	ErrDefaultServer = errors.New("the default server is the one that the setting database-url names, and can't be removed")
	// ErrServerURL means that a URL names no server. Its text shows no part of the URL.
	ErrServerURL = errors.New("the URL is not sqlite:DIR or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	// ErrSameServer means that another server of the master keeps its databases in the same place.
	ErrSameServer = errors.New("another server keeps its databases in the same place")
)

// ServerUse is a server with the number of its tenants.
type ServerUse struct {
	tenants.Server
	// Tenants counts those with data on the server: also archived ones, and those in the trash.
	Tenants int64
}

// Servers returns all servers, sorted by name.
func (m *Manager) Servers(ctx context.Context) (all []ServerUse, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error { all, err = readServers(tx); return err })
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	return all, nil
}

// GetServer returns the server with the name, or ErrUnknownServer.
func (m *Manager) GetServer(ctx context.Context, name string) (*ServerUse, error) {
	all, err := m.Servers(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s ServerUse) bool { return s.Name == name })
	if i < 0 {
		return nil, serverError(name, ErrUnknownServer)
	}
	return &all[i], nil
}

func readServers(tx *gorm.DB) ([]ServerUse, error) {
	var rows []tenants.Server
	if err := tx.Order("name").Find(&rows).Error; err != nil {
		return nil, err
	}
	var counts []struct {
		Server  string
		Tenants int64
	}
	if err := withData(tx).Select("server, count(*) AS tenants").Group("server").Scan(&counts).Error; err != nil {
		return nil, err
	}
	on := map[string]int64{}
	for _, c := range counts {
		on[c.Server] = c.Tenants
	}
	all := make([]ServerUse, len(rows))
	for i, row := range rows {
		all[i] = ServerUse{row, on[row.Name]}
	}
	return all, nil
}

// withData selects the tenants that have a database, in use or in the trash.
func withData(tx *gorm.DB) *gorm.DB {
	return tx.Model(&tenants.Tenant{}).Where("state <> ? OR remove_after IS NOT NULL", tenants.StatePurged)
}

// AddServer stores a server, which takes new tenants at once. engine is open on it. Returns
// a *tenants.ServerError, ErrServerExists, or ErrSameServer if it is the server of another name.
func (m *Manager) AddServer(ctx context.Context, s tenants.Server, engine tenants.Engine) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := m.expectAnother(ctx, engine); err != nil {
		return serverError(s.Name, err)
	}
	s.State = tenants.ServerActive
	err := m.master.Update(ctx, func(tx *gorm.DB) (err error) {
		if s.CreatedAt, err = m.master.Now(tx); err != nil {
			return err
		}
		err = tx.Create(&s).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return ErrServerExists
		}
		return err
	})
	m.store.Refresh("")
	return serverError(s.Name, err)
}

// expectAnother returns ErrSameServer if engine is on one of the servers. It can't compare those that don't answer.
func (m *Manager) expectAnother(ctx context.Context, engine tenants.Engine) error {
	identity, err := identify(ctx, engine)
	if err != nil {
		return err
	}
	return m.ExpectOther(ctx, engine.Dialect(), identity)
}

// ExpectOther returns ErrSameServer if one of the servers has the dialect and the identity of a tenants.Identified. It can't
// compare those that don't answer.
func (m *Manager) ExpectOther(ctx context.Context, dialect, identity string) error {
	for _, name := range m.store.Servers() {
		other, err := m.store.Server(name)
		if err != nil || other.Dialect() != dialect {
			continue
		}
		if same, err := identify(ctx, other); err == nil && same == identity && same != "" {
			return fmt.Errorf("%w: %s", ErrSameServer, name)
		}
	}
	return nil
}

// identify returns the engine's identity, or "" if it has none.
func identify(ctx context.Context, engine tenants.Engine) (string, error) {
	if of, ok := engine.(tenants.Identified); ok {
		return of.Identity(ctx)
	}
	return "", nil
}

// ServerChange is what to change of a server. Nil fields stay.
type ServerChange struct {
	Capacity *int64
	Labels   *map[string]string
	State    *tenants.ServerState
	// Pooler is the URL of a pooler that was tried, or "" for none. Processes use it from their next start.
	Pooler *string
}

// ChangeServer changes the server. Returns ErrUnknownServer or a *tenants.ServerError.
func (m *Manager) ChangeServer(ctx context.Context, name string, change ServerChange) error {
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		row, err := takeServer(tx, name)
		if err != nil {
			return err
		}
		if change.Capacity != nil {
			row.Capacity = *change.Capacity
		}
		if change.Labels != nil {
			row.Labels = *change.Labels
		}
		if change.State != nil {
			row.State = *change.State
		}
		if change.Pooler != nil {
			row.Pooler = *change.Pooler
		}
		if err := row.Validate(); err != nil {
			return err
		}
		return tx.Save(row).Error
	})
	m.store.Refresh("")
	return serverError(name, err)
}

// DrainServer makes a server take no new tenants. Those on it stay, and are served. Returns ErrUnknownServer.
func (m *Manager) DrainServer(ctx context.Context, name string) error {
	state := tenants.ServerDraining
	return m.ChangeServer(ctx, name, ServerChange{State: &state})
}

// UndrainServer undoes DrainServer.
func (m *Manager) UndrainServer(ctx context.Context, name string) error {
	state := tenants.ServerActive
	return m.ChangeServer(ctx, name, ServerChange{State: &state})
}

// RemoveServer removes a server from the master. It changes nothing on the server. Returns ErrUnknownServer,
// ErrDefaultServer, or ErrServerInUse.
func (m *Manager) RemoveServer(ctx context.Context, name string) error {
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		row, err := takeServer(tx, name)
		if err != nil {
			return err
		}
		if row.URL == nil {
			return ErrDefaultServer
		}
		var left int64
		if err := withData(tx).Where("server = ? OR left_server = ?", name, name).Count(&left).Error; err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("%w: %d, with those that are archived, in the trash, or have left a database there", ErrServerInUse, left)
		}
		return tx.Delete(row).Error
	})
	m.store.Refresh("")
	return serverError(name, err)
}

// takeServer locks and reads a server's row.
func takeServer(tx *gorm.DB, name string) (*tenants.Server, error) {
	var row tenants.Server
	err := forUpdate(tx).Take(&row, "name = ?", name).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, ErrUnknownServer
	}
	return &row, err
}

func serverError(name string, err error) error {
	if err != nil {
		return fmt.Errorf("server %q: %w", name, err)
	}
	return nil
}
