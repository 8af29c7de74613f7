package operator

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// changeLimits changes limits of a tenant's own: an object with a member for each limit to change, whose value is a
// string as people type it, a number, or null for the default.
func (a *API) changeLimits(c *gin.Context, raw json.RawMessage) error {
	typed, err := readLimits(raw)
	if err != nil {
		return err
	}
	changes, err := lifecycle.ReadLimits(typed)
	var bad *lifecycle.BadLimitError
	if errors.As(err, &bad) {
		return problem.InvalidField("limits."+string(bad.Limit), bad.Message)
	}
	return a.changeAs(c, func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.SetLimits(ctx, by, subdomain, changes)
	}, a.showTenant)
}

// readLimits returns the members of an object of limits as people type them.
func readLimits(raw json.RawMessage) (map[tenants.Limit]string, error) {
	var given map[tenants.Limit]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil || len(given) == 0 {
		return nil, problem.InvalidField("limits", `must be an object with limits to change, such as {"requests": "100/s"}`)
	}
	typed := map[tenants.Limit]string{}
	for limit, value := range given {
		if !slices.Contains(tenants.AllLimits(), limit) {
			return nil, problem.InvalidField("limits", "has a member that is not a limit; there are requests, concurrency, size, files, statement_time, body and weight")
		}
		var text string
		switch {
		case string(value) == "null":
			text = "default"
		case json.Unmarshal(value, &text) != nil:
			text = string(value)
		}
		typed[limit] = text
	}
	return typed, nil
}
