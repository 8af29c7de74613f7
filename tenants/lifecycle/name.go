package lifecycle

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/text"
)

// maxName is the longest display name of a tenant, in characters.
const maxName = 200

// CheckName returns ErrInvalidName if name can't be a tenant's display name.
func CheckName(name string) error {
	if text.Line(name, maxName) != "" {
		return ErrInvalidName
	}
	return nil
}

// SetName changes the tenant's display name, in any state. Pages show it within a second, and
// requests are served meanwhile. Returns tenants.ErrUnknownTenant, ErrInvalidName or an
// *UnderWayError.
func (m *Manager) SetName(ctx context.Context, by Operator, subdomain, name string) (*tenants.Tenant, error) {
	name = strings.TrimSpace(name)
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return m.doAsked(ctx, by, tenants.KindSetName, subdomain, params{Name: name}, func(tx *gorm.DB, j *job) error {
		if j.tenant.Name == name {
			return errUnchanged
		}
		return setTenant(tx, j, map[string]any{"name": name})
	})
}
