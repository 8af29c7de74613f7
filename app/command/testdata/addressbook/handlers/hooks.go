package handlers

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"

	"example.com/addressbook/models"
)

// Hooks returns the steps of this application in operations on tenants: no address book is archived while people work
// with it.
func Hooks() []lifecycle.Hook {
	return []lifecycle.Hook{{
		Name: "in-use", Kinds: []tenants.OperationKind{tenants.KindArchive},
		Before: func(ctx context.Context, e *lifecycle.Event) error {
			var today int64
			err := e.Update(ctx, func(tx *gorm.DB) error {
				return tx.Model(&models.Contact{}).Where("created_at > ?", time.Now().Add(-24*time.Hour)).Count(&today).Error
			})
			if err == nil && today > 0 {
				err = errors.New("contacts were added within the last day")
			}
			return err
		},
	}}
}
