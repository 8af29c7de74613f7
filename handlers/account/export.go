package account

import (
	"context"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// RecordExport records that all data of the tenant was exported.
func RecordExport(tx *gorm.DB, who *Identity) error {
	return Record(tx, who, Subject{Kind: "tenant"}, "exported", "exported all data")
}

// NoteExport records that an operator has exported all data of the tenant.
func (a *Accounts) NoteExport(ctx context.Context, t *tenants.Tenant) error {
	return a.store.Maintain(ctx, t, func(tx *gorm.DB) error { return RecordExport(tx, nil) })
}
