package account

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// RecordExport records that all data of the tenant was exported.
func RecordExport(tx *gorm.DB, who *Identity) error {
	return Record(tx, who, Subject{Kind: "tenant"}, "exported", "exported all data")
}

// NoteExport records that an operator has exported all data of the tenant.
func (a *Accounts) NoteExport(ctx context.Context, t *tenants.Tenant) error {
	return a.store.Maintain(ctx, t, func(tx *gorm.DB) error { return RecordExport(tx, nil) })
}

// A tenant's admins export all data at most so often in a window.
const (
	mostExports   = 3
	exportsWindow = time.Hour
)

// BeginExport identifies the request's sender, who must be an admin in a session, and records that they export all data of
// the tenant. It begins a scope of its own. Returns ErrForbidden, or ErrTooManyTries if there were too many exports.
func (a *Accounts) BeginExport(c *gin.Context) (who *Identity, err error) {
	err = a.store.Update(c.Request.Context(), web.From(c), func(tx *gorm.DB) error {
		var err error
		if who, err = a.authenticate(c, tx); err != nil {
			return err
		}
		if !who.IsAdmin() {
			return problem.ErrForbidden
		}
		if err := who.ByPerson(); err != nil {
			return err
		}
		var since []time.Time
		err = tx.Model(&models.Activity{}).Where("action = ? AND actor_id IS NOT NULL AND created_at > ?", "tenant.exported", a.now().Add(-exportsWindow)).
			Order("created_at DESC").Limit(mostExports).Pluck("created_at", &since).Error
		if err != nil {
			return err
		}
		if len(since) == mostExports {
			return problem.TooMany("All data was downloaded several times within an hour. Wait for as long as Retry-After says.", exportsWindow-a.now().Sub(since[mostExports-1]))
		}
		return RecordExport(tx, who)
	})
	return who, err
}
