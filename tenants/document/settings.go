package document

import (
	"encoding/json"

	"tenantry/tenants"
)

// Setting is a setting of a tenant as JSON.
type Setting struct {
	// Value is the value in force.
	Value json.RawMessage `json:"value"`
	// Own is false for the default.
	Own bool `json:"own"`
}

// Configured is a tenant with the limits and the settings in force for it.
type Configured struct {
	Limited
	Settings map[string]Setting `json:"settings"`
}

// ConfiguredOf returns the document of a tenant in the store.
func ConfiguredOf(t *tenants.Tenant, store *tenants.Store) Configured {
	return Configured{LimitedOf(t, store), SettingsOf(store.Settings(t))}
}

// SettingsOf returns the documents of settings, by key.
func SettingsOf(all []tenants.Setting) map[string]Setting {
	documents := map[string]Setting{}
	for _, s := range all {
		documents[s.Key] = Setting{s.Value, s.Own}
	}
	return documents
}
