package account

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// RenameHook returns a hook that records in the tenant's activity that its address has changed. A tenant whose database
// can't be written is renamed without that.
func (a *Accounts) RenameHook() lifecycle.Hook {
	return lifecycle.Hook{
		Name: "note-rename", Kinds: []tenants.OperationKind{tenants.KindRename},
		After: func(ctx context.Context, e *lifecycle.Event) error {
			err := e.Update(ctx, func(tx *gorm.DB) error { return recordRename(tx, e) })
			if err != nil {
				a.log.WarnContext(ctx, "record a rename in the tenant's activity", "tenant", e.Tenant.Subdomain, "error", err)
			}
			return ctx.Err()
		},
	}
}

// recordRename records the rename, unless an earlier try has.
func recordRename(tx *gorm.DB, e *lifecycle.Event) error {
	const action = "tenant.renamed"
	summary := fmt.Sprintf("moved the workspace from the address “%s” to “%s”", e.Operation.Subdomain, e.Tenant.Subdomain)
	var recorded int64
	err := tx.Model(&models.Activity{}).Where("action = ? AND summary = ? AND created_at >= ?", action, summary, e.Operation.StartedAt).Count(&recorded).Error
	if err != nil || recorded > 0 {
		return err
	}
	return Record(tx, nil, Subject{Kind: "tenant"}, "renamed", summary)
}
