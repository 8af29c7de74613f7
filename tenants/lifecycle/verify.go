package lifecycle

import (
	"context"
	"slices"

	"tenantry/tenants"
)

// VerifySchemas opens every tenant's database that is migrated, and returns the findings of Doctor that
// concern schemas: versions that differ from the master's or that this build can't serve, schemas that differ
// from what the migrations make, databases that can't be read, and servers that don't answer. It changes
// nothing. progress reports how many of all tenants have been examined; it may be nil.
func (m *Manager) VerifySchemas(ctx context.Context, progress func(done, total int)) ([]Finding, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	d := &doctor{Manager: m, Checkup: Checkup{Progress: progress}, findings: []Finding{}, silent: map[string]bool{}, full: map[string]bool{}}
	err := d.examineTenants(ctx, func(ctx context.Context, page []tenants.Tenant) error {
		page = slices.DeleteFunc(slices.Clone(page), func(t tenants.Tenant) bool { return !t.State.IsMigrated() })
		if len(page) == 0 {
			return nil
		}
		return d.examineDatabases(ctx, page)
	})
	return slices.DeleteFunc(d.findings, func(f Finding) bool { return !concernsSchema(f.Kind) }), err
}

// concernsSchema reports whether findings of this kind say that a tenant's schema is not the expected one, or
// that it can't be determined.
func concernsSchema(kind string) bool {
	switch kind {
	case ServerUnknown, ServerSilent, ServerFull, SchemaBehind, SchemaAhead,
		string(tenants.FaultVersion), string(tenants.FaultSchema), string(tenants.FaultIndex), string(tenants.FaultMissing),
		string(tenants.FaultMisplaced), string(tenants.FaultUnreadable), string(tenants.FaultIdentity):
		return true
	}
	return false
}
