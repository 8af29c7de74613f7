package app

import (
	"errors"
	"reflect"

	"tenantry/tenants"
)

// readLimits reads the limits of tenants without limits of their own.
func (c Config) readLimits(s *settings) error {
	var bad []error
	s.limitNames = map[tenants.Limit]string{}
	for _, setting := range []struct {
		limit             tenants.Limit
		flag, text, field string
	}{
		{tenants.LimitSize, "max-tenant-size", c.MaxTenantSize, "MaxTenantSize"},
		{tenants.LimitFiles, "max-tenant-files", c.MaxTenantFiles, "MaxTenantFiles"},
		{tenants.LimitRequests, "max-tenant-requests", c.MaxTenantRequests, "MaxTenantRequests"},
		{tenants.LimitConcurrency, "max-tenant-concurrency", c.MaxTenantConcurrency, "MaxTenantConcurrency"},
		{tenants.LimitStatementTime, "max-tenant-statement-time", c.MaxTenantStatementTime, "MaxTenantStatementTime"},
		{tenants.LimitBody, "max-tenant-body", c.MaxTenantBody, "MaxTenantBody"},
	} {
		if field, _ := reflect.TypeFor[Config]().FieldByName(setting.field); setting.text != field.Tag.Get("default") {
			s.limitNames[setting.limit] = EnvName(setting.flag)
		}
		if setting.text == "0" {
			continue
		}
		value, err := setting.limit.Parse(setting.text)
		if err != nil || value <= 0 { // default and none are words for one tenant's limits
			bad = append(bad, &SettingError{setting.flag, setting.text, setting.limit.Want() + ", or 0 for no limit"})
			continue
		}
		s.limits.Set(setting.limit, value)
	}
	return errors.Join(bad...)
}

func (c Config) readMinFree(s *settings) error {
	if c.MinFreeSpace == "auto" {
		s.minFree = tenants.AutoFree
		return nil
	}
	var err error
	if s.minFree, err = tenants.ParseSize(c.MinFreeSpace); err != nil {
		return &SettingError{"min-free-space", c.MinFreeSpace, "auto, a size such as 500MB or 10GB, or 0 to keep nothing free"}
	}
	return nil
}
