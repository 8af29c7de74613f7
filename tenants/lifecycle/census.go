package lifecycle

import (
	"context"
	"fmt"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Census summarizes what the master records about all tenants.
type Census struct {
	// Groups are the counts of tenants. No group is empty.
	Groups []Group
	// Unfinished is the number of unfinished operations.
	Unfinished int64
	// Recent are the latest operations, newest first.
	Recent []tenants.Operation
	// Instances are the live processes, oldest first.
	Instances []tenants.Instance
}

// Group is the number of tenants with the same state, server and schema version.
type Group struct {
	State         tenants.State
	Server        string
	SchemaVersion int64
	Tenants       int64
}

// recentOperations is the number of operations in a census.
const recentOperations = 8

// Census counts all tenants in one transaction on the master. It opens no tenant.
func (m *Manager) Census(ctx context.Context) (Census, error) {
	var c Census
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&tenants.Tenant{}).Select("state, server, schema_version, count(*) AS tenants").
			Group("state, server, schema_version").Order("state, server, schema_version").Scan(&c.Groups).Error
		if err != nil {
			return err
		}
		if err := tx.Model(&tenants.Operation{}).Where("finished_at IS NULL").Count(&c.Unfinished).Error; err != nil {
			return err
		}
		if err := tx.Order("id DESC").Limit(recentOperations).Find(&c.Recent).Error; err != nil {
			return err
		}
		c.Instances, err = m.master.Living(tx)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("count tenants: %w", err)
	}
	return c, nil
}

// ByID returns the tenants with the ids, keyed by id and without their domains. It omits
// unknown ids.
func (m *Manager) ByID(ctx context.Context, ids []string) (map[string]*tenants.Tenant, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var found []tenants.Tenant
	err := m.master.View(ctx, func(tx *gorm.DB) error { return tx.Find(&found, "id IN ?", ids).Error })
	if err != nil {
		return nil, fmt.Errorf("read tenants: %w", err)
	}
	byID := make(map[string]*tenants.Tenant, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	return byID, nil
}
