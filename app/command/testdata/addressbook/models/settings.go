package models

import "tenantry/tenants"

// Settings are what operators set for an address book.
type Settings struct {
	CountryCode string `json:"country_code" hint:"Of telephone numbers without one."`
}

// TenantSettings returns the type of Settings.
func TenantSettings() *tenants.SettingsType {
	return tenants.NewSettings(tenants.SettingsOptions[Settings]{
		Defaults: Settings{CountryCode: "+1"},
		Check: func(s Settings) map[string]string {
			if len(s.CountryCode) < 2 || s.CountryCode[0] != '+' {
				return map[string]string{"country_code": "must be a country code, such as +49"}
			}
			return nil
		},
	})
}
