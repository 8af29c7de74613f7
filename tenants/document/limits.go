package document

import (
	"time"

	"tenantry/tenants"
)

// Limited is a tenant with the limits in force for it.
type Limited struct {
	Tenant
	Limits map[tenants.Limit]Limit `json:"limits"`
}

// Limit is a limit in force.
type Limit struct {
	// Value is the limit in requests a second, scopes, bytes or seconds. It is null if there is none.
	Value *float64 `json:"value"`
	// Text is the limit as people type it, or none.
	Text string `json:"text"`
	// Own is false for the installation's default.
	Own bool `json:"own"`
}

// LimitedOf returns the document of a tenant with the limits in force for it.
func LimitedOf(t *tenants.Tenant, inForce tenants.Limits) Limited {
	limits := map[tenants.Limit]Limit{}
	for _, limit := range tenants.AllLimits() {
		value := inForce.Of(limit)
		limits[limit] = Limit{Value: valueOf(limit, value), Text: TextOf(limit, value), Own: t.Limits.Of(limit) != 0}
	}
	return Limited{TenantOf(t), limits}
}

// TextOf returns a limit in force as people type it, or none.
func TextOf(limit tenants.Limit, value int64) string {
	if value == 0 {
		value = tenants.NoLimit
	}
	return limit.Format(value)
}

func valueOf(limit tenants.Limit, value int64) *float64 {
	if value == 0 {
		return nil
	}
	number := float64(value)
	if limit == tenants.LimitStatementTime {
		number = time.Duration(value).Seconds()
	}
	return &number
}
