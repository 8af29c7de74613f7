package seed

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// run is one call of Run.
type run struct {
	store    *tenants.Store
	manager  *lifecycle.Manager
	progress func(Progress)
}

// make creates or fills one demo tenant, if that is needed.
func (r *run) make(ctx context.Context, c company) (Result, error) {
	t, outcome, err := r.tenant(ctx, c)
	if err != nil {
		return Result{}, err
	}
	result := Result{Subdomain: c.Subdomain, Name: t.Name, Outcome: outcome}
	switch {
	case t.CreatedBy != CreatedBy:
		result.Outcome, result.Reason = Skipped, "the seed did not make it"
	case t.State != tenants.StateActive:
		result.Outcome, result.Reason = Skipped, "it is "+string(t.State)
	default:
		result.Rows, err = r.fill(ctx, t, c)
		if result.Rows == 0 {
			result.Outcome = Unchanged
		}
	}
	return result, err
}

// tenant finds or creates the company's tenant. The outcome is Filled if the
// tenant already existed.
func (r *run) tenant(ctx context.Context, c company) (*tenants.Tenant, Outcome, error) {
	t, err := r.find(ctx, c.Subdomain)
	if err == nil || !errors.Is(err, tenants.ErrUnknownTenant) {
		return t, Filled, err
	}
	t, err = r.manager.Create(ctx, lifecycle.NewTenant{Subdomain: c.Subdomain, Name: c.Name, CreatedBy: CreatedBy, By: CreatedBy})
	if errors.Is(err, lifecycle.ErrExists) { // another process was faster
		t, err = r.find(ctx, c.Subdomain)
		return t, Filled, err
	}
	return t, Created, err
}

// find finds the tenant, and finishes its creation where a process died in it.
func (r *run) find(ctx context.Context, subdomain string) (*tenants.Tenant, error) {
	t, err := r.manager.Get(ctx, subdomain)
	if err != nil || t.State != tenants.StateProvisioning || t.CreatedBy != CreatedBy {
		return t, err
	}
	return r.manager.FinishCreate(ctx, subdomain, nil)
}

// fill writes the company's data if the tenant is empty: all or nothing. It
// returns how many rows it wrote.
func (r *run) fill(ctx context.Context, t *tenants.Tenant, c company) (int, error) {
	var rows int
	err := r.store.Update(ctx, t, func(tx *gorm.DB) error {
		filled, err := isFilled(tx)
		if filled || err != nil {
			return err
		}
		w := generate(c)
		rows = w.size()
		done := 0
		return w.store(tx, func(wrote int) {
			done += wrote
			r.progress(Progress{Subdomain: c.Subdomain, Done: done, Total: rows})
		})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) && r.isFilled(ctx, t) {
		return 0, nil // by another run at the same time: Postgres lets two begin
	}
	return rows, err
}

// isFilled reports whether the tenant is known to be in use.
func (r *run) isFilled(ctx context.Context, t *tenants.Tenant) (filled bool) {
	err := r.store.View(ctx, t, func(tx *gorm.DB) (err error) {
		filled, err = isFilled(tx)
		return err
	})
	return filled && err == nil
}
