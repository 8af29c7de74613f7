package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrNotSwappable is matched by errors about tenants that Swap can't exchange as they are.
var ErrNotSwappable = errors.New("these tenants can't be swapped")

// Swap exchanges two active tenants at their subdomains, and returns the tenant that is then at subdomain. The subdomain
// keeps the display name, the domains, the limits, and what redirects to it or is reserved for it; all else belongs to the
// database: the id, the server, the people with their sessions and tokens, the backups and the ledger. Both are
// under maintenance until running requests have finished; then one transaction in the master exchanges them. Swap undoes
// itself. Returns an error that matches ErrNotSwappable, a *ReservedError, or the errors of Suspend.
func (m *Manager) Swap(ctx context.Context, by Operator, subdomain, other string) (*tenants.Tenant, error) {
	var part, with string
	_, err := m.do(ctx, by, tenants.KindSwap, subdomain, func(tx *gorm.DB, j *job) error {
		second, err := m.newJob(tx, by, tenants.KindSwapOther)
		if err != nil {
			return err
		}
		if err := m.loadOther(tx, second, other); err != nil {
			return fmt.Errorf("swap with %q: %w", other, err)
		}
		if err := checkSwap(&j.tenant, &second.tenant); err != nil {
			return err
		}
		part, with = second.op.ID, second.tenant.ID
		j.params = params{To: second.tenant.Subdomain, With: with, Part: part}
		second.params = params{To: j.tenant.Subdomain, With: j.tenant.ID}
		second.op.InstanceID = nil // only the operation on the first tenant is resumed
		for _, one := range []*job{j, second} {
			one.op.Subdomain = one.tenant.Subdomain
			if err := mark(tx, one, map[string]any{"state": tenants.StateMaintenance}); err != nil {
				return err
			}
		}
		return second.write(tx)
	})
	if with != "" {
		m.store.Refresh(with)
	}
	if err != nil {
		return nil, err
	}
	return m.Get(ctx, with)
}

// loadOther is load for the second tenant of a swap. Returns a *ReservedError if only a reservation has the name.
func (m *Manager) loadOther(tx *gorm.DB, j *job, subdomain string) error {
	err := load(tx, j, subdomain)
	if !errors.Is(err, gorm.ErrRecordNotFound) {
		return err
	}
	if err := m.free(tx, subdomain, "", j.now); err != nil {
		return err
	}
	return tenants.ErrUnknownTenant
}

// checkSwap returns an error if two tenants can't be exchanged as they are.
func checkSwap(a, b *tenants.Tenant) error {
	if a.ID == b.ID {
		return fmt.Errorf("%w: both are the same tenant", ErrNotSwappable)
	}
	for _, t := range []*tenants.Tenant{a, b} {
		if t.State != tenants.StateActive {
			return fmt.Errorf("%w: %s is %s, and both must be active", ErrNotSwappable, t.Subdomain, t.State)
		}
	}
	if a.SchemaVersion != b.SchemaVersion {
		return fmt.Errorf("%w: %s is at schema version %d and %s at %d: migrate them first", ErrNotSwappable,
			a.Subdomain, a.SchemaVersion, b.Subdomain, b.SchemaVersion)
	}
	return nil
}

// drainBoth waits until no process holds a handle of either tenant.
func drainBoth(m *Manager, ctx context.Context, j *job) error {
	if err := awaitDrained(m, ctx, j); err != nil {
		return err
	}
	second, err := m.Get(ctx, j.params.With)
	if err != nil {
		return err
	}
	return awaitDrained(m, ctx, &job{op: tenants.Operation{ID: j.params.Part}, tenant: *second})
}

// exchange exchanges what belongs to the subdomains, and serves both tenants again.
func exchange(tx *gorm.DB, j *job) error {
	second := job{now: j.now}
	if err := forUpdate(tx).Take(&second.tenant, "id = ?", j.params.With).Error; err != nil {
		return err
	}
	first := j.tenant
	if err := exchangeHosts(tx, first.ID, second.tenant.ID); err != nil {
		return err
	}
	// Two tenants never have one subdomain, not even within a transaction.
	if err := setTenant(tx, j, map[string]any{"subdomain": tenants.UndoneSubdomain(first.ID)}); err != nil {
		return err
	}
	theirs := asServed(&second.tenant)
	if err := mark(tx, &second, asServed(&first)); err != nil {
		return err
	}
	if err := mark(tx, j, theirs); err != nil {
		return err
	}
	return endPart(tx, j, tenants.OperationDone, "")
}

// asServed returns the columns of an active tenant that belong to its subdomain.
func asServed(t *tenants.Tenant) map[string]any {
	columns := map[string]any{
		"state": tenants.StateActive, "subdomain": t.Subdomain, "name": t.Name, "settings": t.Settings,
		"maintenance_since": t.Maintenance.Since, "maintenance_message": t.Maintenance.Message, "maintenance_until": t.Maintenance.Until,
	}
	for _, limit := range tenants.AllLimits() {
		columns[limit.Column()] = t.Limits.Of(limit)
	}
	return columns
}

// exchangeHosts exchanges the tenants' domains and the subdomains that they have given up.
func exchangeHosts(tx *gorm.DB, a, b string) error {
	const other = "CASE tenant_id WHEN ? THEN ? ELSE ? END"
	var domains []tenants.Domain // their keys include the tenant, and both tenants may have asked for one host
	if err := tx.Where("tenant_id IN ?", []string{a, b}).Find(&domains).Error; err != nil {
		return err
	}
	if err := tx.Where("tenant_id IN ?", []string{a, b}).Delete(&tenants.Domain{}).Error; err != nil {
		return err
	}
	for i := range domains {
		if domains[i].TenantID == a {
			domains[i].TenantID = b
		} else {
			domains[i].TenantID = a
		}
		if err := tx.Create(&domains[i]).Error; err != nil {
			return err
		}
	}
	return tx.Model(&tenants.RetiredSubdomain{}).Where("tenant_id IN ?", []string{a, b}).Update("tenant_id", gorm.Expr(other, a, b, a)).Error
}

// keepApart returns both tenants of a swap that is cancelled to their state before it.
func keepApart(tx *gorm.DB, j *job) error {
	second := job{}
	if err := forUpdate(tx).Take(&second.tenant, "id = ?", j.params.With).Error; err != nil {
		return err
	}
	for _, one := range []*job{j, &second} {
		if err := mark(tx, one, map[string]any{"state": tenants.StateActive}); err != nil {
			return err
		}
	}
	return endPart(tx, j, tenants.OperationFailed, j.op.Error)
}

// endPart finishes the operation on the second tenant of a swap.
func endPart(tx *gorm.DB, j *job, state tenants.OperationState, why string) error {
	if err := tx.Delete(&tenants.Acknowledgement{}, "operation_id = ?", j.params.Part).Error; err != nil {
		return err
	}
	return tx.Model(&tenants.Operation{ID: j.params.Part}).Updates(map[string]any{
		"state": state, "step": "", "error": why, "finished_at": j.now, "updated_at": j.now,
	}).Error
}

// whole returns the operation that o is a part of, or o.
func (m *Manager) whole(ctx context.Context, o *tenants.Operation) (*tenants.Operation, error) {
	if o.Kind != tenants.KindSwapOther {
		return o, nil
	}
	var p params
	if err := json.Unmarshal([]byte(o.Params), &p); err != nil {
		return nil, fmt.Errorf("params of operation %s: %w", o.ID, err)
	}
	return m.Unfinished(ctx, &tenants.Tenant{ID: p.With, Subdomain: p.To})
}
