package models

import (
	"path"
	"strings"
	"time"

	"tenantry/tenants"
)

// Settings are what operators set for a tenant of the work tracker.
type Settings struct {
	TimeZone string `json:"time_zone" label:"Time zone" hint:"Of times and due dates, such as Europe/Berlin."`
	Language string `json:"language" enum:"en,de,es,fr" hint:"Of dates on its pages."`
	Colour   string `json:"colour" enum:"auto,blue,orange,green,purple,amber,cyan,pink,lime,sky,olive,teal,magenta" hint:"The accent of its pages."`
	Plan     Plan   `json:"plan" enum:"free,team,business" hint:"Sets limits, unless the tenant has limits of its own."`
}

// Plan is what a tenant pays for.
type Plan string

// The plans. PlanBusiness has the installation's limits.
const (
	PlanFree     Plan = "free"
	PlanTeam     Plan = "team"
	PlanBusiness Plan = "business"
)

// limits are those of the plan.
func (p Plan) limits() tenants.Limits {
	switch p {
	case PlanFree:
		return tenants.Limits{Requests: 20, Concurrency: 8, Size: 500e6}
	case PlanTeam:
		return tenants.Limits{Requests: 100, Concurrency: 32, Size: 5e9}
	}
	return tenants.Limits{}
}

// TenantSettings returns the type of Settings.
func TenantSettings() *tenants.SettingsType {
	return tenants.NewSettings(tenants.SettingsOptions[Settings]{
		Defaults: Settings{TimeZone: "UTC", Language: "en", Colour: "auto", Plan: PlanBusiness},
		Check: func(s Settings) map[string]string {
			if _, ok := s.zone(); !ok {
				return map[string]string{"time_zone": "must be a time zone, such as Europe/Berlin or UTC"}
			}
			return nil
		},
		Limits:     func(s Settings) tenants.Limits { return s.Plan.limits() },
		LimitsFrom: "plan",
		Zone: func(s Settings) *time.Location {
			zone, _ := s.zone() // it was checked
			return zone
		},
	})
}

// zone returns the time zone, and false if there is none of the name. The machine's own zone is none.
func (s Settings) zone() (*time.Location, bool) {
	zone, err := time.LoadLocation(s.TimeZone)
	isPath := path.Clean(s.TimeZone) != s.TimeZone || strings.HasPrefix(s.TimeZone, "posix/") || strings.HasPrefix(s.TimeZone, "right/")
	if err != nil || s.TimeZone == "" || s.TimeZone == "Local" || isPath { // other processes may not have such files
		return time.UTC, false
	}
	return zone, true
}
