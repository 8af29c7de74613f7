package fleet

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// VersionCount is the number of tenants on a server that have a schema version.
type VersionCount struct {
	Server        string `json:"server"`
	SchemaVersion int64  `json:"schema_version"`
	Tenants       int64  `json:"tenants"`
	// Target is the version to which the server's engine would migrate them.
	Target int64 `json:"target"`
}

// Status counts tenants by server and schema version. It reads only the master.
func Status(ctx context.Context, store *tenants.Store) ([]VersionCount, error) {
	var standings []VersionCount
	err := store.Master().View(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("state IN ?", tenants.MigratedStates()).
			Select("server, schema_version, count(*) AS tenants").
			Group("server, schema_version").Order("server, schema_version").Scan(&standings).Error
	})
	if err != nil {
		return nil, fmt.Errorf("count schema versions: %w", err)
	}
	for i := range standings {
		engine, err := store.Server(standings[i].Server)
		if errors.Is(err, tenants.ErrUnavailable) {
			continue // no target: this process can't migrate its tenants
		}
		standings[i].Target = engine.SchemaVersion()
	}
	return standings, nil
}

// Outdated is a tenant at a schema version that its engine's migrations don't lead to.
type Outdated struct {
	Subdomain     string        `json:"subdomain"`
	State         tenants.State `json:"state"`
	Server        string        `json:"server"`
	SchemaVersion int64         `json:"schema_version"`
	// Target is the version to which the server's engine would migrate the tenant, or 0 if this process
	// doesn't have the server.
	Target int64 `json:"target" gorm:"-"`
	// Error is why the tenant's last migration failed, or is delayed. It is empty if neither happened.
	Error string `json:"error"`
}

// ListOutdated returns up to limit tenants that are behind or ahead of the version of their engine and whose
// subdomain comes after the given one, sorted by subdomain. It also returns the value of after for the next
// page, empty at the end. It reads only the master.
func ListOutdated(ctx context.Context, store *tenants.Store, after string, limit int) (page []Outdated, next string, err error) {
	standings, err := Status(ctx, store)
	if err != nil {
		return nil, "", err
	}
	targets := map[string]int64{}
	for _, s := range standings {
		targets[s.Server] = s.Target
	}
	err = store.Master().View(ctx, func(tx *gorm.DB) error {
		outdated := tx.Where("1 = 0")
		for server, target := range targets {
			outdated = outdated.Or("server = ? AND schema_version <> ?", server, target)
		}
		return tx.Model(&tenants.Tenant{}).
			Select("tenants.subdomain, tenants.state, server, schema_version, coalesce(o.error, '') AS error").
			Joins("LEFT JOIN operations o ON o.id = (SELECT max(id) FROM operations WHERE tenant_id = tenants.id AND kind = ?)", tenants.KindMigrate).
			Where("tenants.state IN ? AND tenants.subdomain > ?", tenants.MigratedStates(), after).Where(outdated).
			Order("tenants.subdomain").Limit(limit + 1).Scan(&page).Error
	})
	if err != nil {
		return nil, "", fmt.Errorf("list outdated tenants: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Subdomain
	}
	for i := range page {
		page[i].Target = targets[page[i].Server]
	}
	return page, next, nil
}
