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
	// Own says whether the limit was set for the tenant.
	Own bool `json:"own"`
	// From is where the limit comes from, and Name what set it, such as plan=free, if there is one.
	From tenants.LimitOrigin `json:"from"`
	Name string              `json:"name,omitempty"`
}

// Source says for people where the limit comes from.
func (l Limit) Source() string {
	switch {
	case l.From == tenants.LimitOfTenant:
		return "its own"
	case l.Name != "":
		return l.Name
	case l.From == tenants.LimitOfSettings:
		return "its settings"
	}
	return string(l.From)
}

// LimitedOf returns the document of a tenant in the store.
func LimitedOf(t *tenants.Tenant, store *tenants.Store) Limited {
	limits := map[tenants.Limit]Limit{}
	inForce := store.Limits(t)
	for _, limit := range tenants.AllLimits() {
		limits[limit] = LimitOf(t, store, limit, inForce.Of(limit))
	}
	return Limited{TenantOf(t), limits}
}

// LimitOf returns the document of a limit with the value that is in force.
func LimitOf(t *tenants.Tenant, store *tenants.Store, limit tenants.Limit, value int64) Limit {
	from, name := store.LimitSource(t, limit)
	return Limit{Value: valueOf(limit, value), Text: TextOf(limit, value), Own: from == tenants.LimitOfTenant, From: from, Name: name}
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
