package tenants

import (
	"context"

	"tenantry/tenants/trial"
)

// Rehearser is an Engine that can try its migrations on databases of its own. It removes these databases again, also
// when ctx ends; Survey lists what a process that died has left as temporary objects.
type Rehearser interface {
	Engine
	// RehearseSchema applies the migrations after a version to an empty database of that version, and undoes them.
	RehearseSchema(ctx context.Context, version int64) (*trial.Report, error)
	// RehearseData applies the pending migrations to a copy of the tenant's database, as it is at one moment. The
	// tenant is served meanwhile. The caller must make sure that nothing changes the tenant's schema. Returns ErrFull
	// without copying if the server's disk is known to have no room, and a *SchemaError if the tenant's schema is
	// not what the migrations make.
	RehearseData(ctx context.Context, t *Tenant) (*trial.Report, error)
}
