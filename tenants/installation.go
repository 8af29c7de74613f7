package tenants

import (
	"context"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// Installation is the one row in the master that names the installation. A recovered master has the same one.
type Installation struct {
	// ID is a lower-case ULID.
	ID string `gorm:"primaryKey;not null;check:installation_id_check,length(id) = 26"`
}

// TableName is "installation".
func (Installation) TableName() string { return "installation" }

// Installation returns the id of the installation, which is made at the first call.
func (m *Master) Installation(ctx context.Context) (id string, err error) {
	err = m.View(ctx, func(tx *gorm.DB) error { return tx.Model(&Installation{}).Limit(1).Pluck("id", &id).Error })
	if err != nil || id != "" {
		return id, err
	}
	err = m.Update(ctx, func(tx *gorm.DB) error {
		if m.Dialect() == "postgres" { // two processes make one id; on SQLite one writes at a time
			if err := tx.Exec("LOCK TABLE installation IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
				return err
			}
		}
		var all []Installation
		if err := tx.Find(&all).Error; err != nil {
			return err
		}
		if len(all) == 0 {
			all = []Installation{{ID: strings.ToLower(ulid.Make().String())}}
			if err := tx.Create(&all[0]).Error; err != nil {
				return err
			}
		}
		id = all[0].ID
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("name the installation: %w", err)
	}
	return id, nil
}
