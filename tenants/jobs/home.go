package jobs

import (
	"context"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Home is the database that has a job: that of a tenant, or the master. It is safe for concurrent use.
type Home struct {
	store *tenants.Store
	// Tenant is nil for the master.
	Tenant *tenants.Tenant
}

// Update is a scope on the database.
func (h Home) Update(ctx context.Context, f tenants.Func) error {
	if h.Tenant == nil {
		return h.store.Master().Update(ctx, f)
	}
	return h.store.Update(ctx, h.Tenant, f)
}

// View is a scope on the database that only reads.
func (h Home) View(ctx context.Context, f tenants.Func) error {
	if h.Tenant == nil {
		return h.store.Master().View(ctx, f)
	}
	return h.store.View(ctx, h.Tenant, f)
}

// maintain is Update for operators, also if the tenant isn't served.
func (h Home) maintain(ctx context.Context, f tenants.Func) error {
	if h.Tenant == nil {
		return h.Update(ctx, f)
	}
	return h.store.Maintain(ctx, h.Tenant, f)
}

// name is how messages name the tenant; it is empty for the master.
func (h Home) name() string {
	if h.Tenant == nil {
		return ""
	}
	return h.Tenant.Subdomain
}

// find returns the database of the tenant with that id.
func (r *Runner) find(ctx context.Context, id string) (Home, error) {
	var t tenants.Tenant
	err := r.store.Master().View(ctx, func(tx *gorm.DB) error { return tx.Take(&t, "id = ?", id).Error })
	return Home{r.store, &t}, err
}
