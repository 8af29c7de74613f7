package lifecycle

import (
	"context"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// BadLimitError means that a limit can't have a value.
type BadLimitError struct {
	Limit tenants.Limit
	// Message says which values are right.
	Message string
}

// Error returns the limit and the message.
func (e *BadLimitError) Error() string { return string(e.Limit) + " " + e.Message }

// ReadLimits parses limits as a person typed them, for SetLimits: default and none are words for 0 and
// tenants.NoLimit. Returns a *BadLimitError about the first one that is wrong.
func ReadLimits(typed map[tenants.Limit]string) (map[tenants.Limit]int64, error) {
	changes := map[tenants.Limit]int64{}
	for _, limit := range tenants.AllLimits() {
		text, given := typed[limit]
		if !given {
			continue
		}
		value, err := limit.Parse(text)
		if err != nil {
			return nil, &BadLimitError{limit, err.Error()}
		}
		changes[limit] = value
	}
	return changes, nil
}

// SetLimits changes limits of the tenant's own, in any state: 0 stands for the default, and tenants.NoLimit for no
// limit. Every process enforces them within a second, and requests are served meanwhile. Returns
// tenants.ErrUnknownTenant or an *UnderWayError.
func (m *Manager) SetLimits(ctx context.Context, by Operator, subdomain string, changes map[tenants.Limit]int64) (*tenants.Tenant, error) {
	asked := params{Limits: map[tenants.Limit]string{}}
	for limit, value := range changes {
		asked.Limits[limit] = limit.Format(value)
	}
	return m.doAsked(ctx, by, tenants.KindLimit, subdomain, asked, func(tx *gorm.DB, j *job) error {
		columns := map[string]any{}
		j.params.Limits = map[tenants.Limit]string{}
		for limit, value := range changes {
			if j.tenant.Limits.Of(limit) != value {
				columns[limit.Column()] = value
				j.params.Limits[limit] = limit.Format(value)
			}
		}
		if len(columns) == 0 {
			return errUnchanged
		}
		return setTenant(tx, j, columns)
	})
}
