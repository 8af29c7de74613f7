package lifecycle

import (
	"context"
	"os"
	"strings"

	"tenantry/tenants"
)

// checkRoomFor returns a *tenants.RoomError if the disk of a server has no room for a copy of the tenant's database. A copy on the
// other engine has another size, so that this is known only roughly.
func (m *Manager) checkRoomFor(ctx context.Context, t *tenants.Tenant, server string) error {
	size, err := m.sizeOf(ctx, t)
	if err != nil {
		return err
	}
	return m.store.CheckRoom(server, size)
}

// sizeOf returns the size of the tenant's database, or 0 if its engine doesn't know it.
func (m *Manager) sizeOf(ctx context.Context, t *tenants.Tenant) (int64, error) {
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return 0, err
	}
	sizer, ok := engine.(tenants.Sizer)
	if !ok {
		return 0, nil
	}
	return sizer.Size(ctx, t)
}

// checkRoomOf is checkRoomFor for what a new tenant is made of. A source on Postgres isn't measured.
func (m *Manager) checkRoomOf(ctx context.Context, n NewTenant, server string) error {
	if n.of != nil {
		return m.checkRoomFor(ctx, n.of, server)
	}
	path := n.File
	if source, ok := strings.CutPrefix(n.Source, "sqlite:"); ok {
		path = source
	}
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil // the engine says what is wrong
	}
	return m.store.CheckRoom(server, info.Size())
}
