package lifecycle

import (
	"context"
	"encoding/json"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// SetSettings changes settings of the tenant's own by key, in any state: null stands for the default. Every process has
// them within a second, and requests are served meanwhile. Returns tenants.ErrUnknownTenant, a *tenants.SettingsError or an
// *UnderWayError.
func (m *Manager) SetSettings(ctx context.Context, by Operator, subdomain string, changes map[string]json.RawMessage) (*tenants.Tenant, error) {
	asked := params{Settings: map[string]string{}}
	for key, value := range changes {
		asked.Settings[key] = typed(value)
	}
	return m.doAsked(ctx, by, tenants.KindSet, subdomain, asked, func(tx *gorm.DB, j *job) error {
		stored, changed, err := m.store.ChangeSettings(j.tenant.Settings, changes)
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			return errUnchanged
		}
		after := j.tenant
		after.Settings = stored
		j.params.Settings = map[string]string{}
		for _, s := range m.store.Settings(&after) {
			for _, key := range changed {
				if s.Key == key && s.Own {
					j.params.Settings[key] = s.Text()
				} else if s.Key == key {
					j.params.Settings[key] = ""
				}
			}
		}
		return setTenant(tx, j, map[string]any{"settings": stored})
	})
}

// typed returns a setting's value as people type it.
func typed(value json.RawMessage) (text string) {
	if json.Unmarshal(value, &text) == nil { // a string, or null
		return text
	}
	return string(value)
}
