package operator

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

// changeSettings changes settings of a tenant's own: an object with a member for each setting to change, whose value is of
// the setting's type, or null for the default.
func (a *API) changeSettings(c *gin.Context, raw json.RawMessage) error {
	var changes map[string]json.RawMessage
	if err := json.Unmarshal(raw, &changes); err != nil || len(changes) == 0 {
		return problem.InvalidField("settings", `must be an object with settings to change, such as {"language": "de"}`)
	}
	return a.changeAs(c, func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		t, err := a.manager.SetSettings(ctx, by, subdomain, changes)
		return t, explainSettings("settings.", err)
	}, a.showTenant)
}

// explainSettings returns the problem of wrong settings, whose fields begin with a prefix, or err.
func explainSettings(prefix string, err error) error {
	var bad *tenants.SettingsError
	if !errors.As(err, &bad) {
		return err
	}
	var faults []web.Fault
	for _, key := range slices.Sorted(maps.Keys(bad.Faults)) {
		faults = append(faults, web.Fault{Field: prefix + key, Message: bad.Faults[key]})
	}
	return problem.Invalid(faults...)
}

// readWhere returns the settings, by key, that a list is filtered by: pairs with commas between them.
func readWhere(c *gin.Context) (map[string]string, error) {
	where := map[string]string{}
	text, given := c.GetQuery("where")
	if !given {
		return where, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, problem.InvalidField("where", "must be KEY=VALUE, such as plan=team")
		}
		where[key] = value
	}
	return where, nil
}
