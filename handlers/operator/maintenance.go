package operator

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// setMaintenance closes a tenant for maintenance, or serves it again.
func (a *API) setMaintenance(c *gin.Context) error {
	var body struct {
		On      *bool  `json:"on"`
		Message string `json:"message"`
		Until   string `json:"until"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	var to lifecycle.Maintenance
	switch {
	case body.On == nil:
		return problem.InvalidField("on", "must be true or false")
	case *body.On:
		var err error
		if to, err = lifecycle.ReadMaintenance(body.Message, body.Until, time.Now()); err != nil {
			return err
		}
	case body.Message != "" || body.Until != "":
		return problem.InvalidField("on", "must be true with a message or a time")
	}
	return a.moveTenant(func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.SetMaintenance(ctx, by, subdomain, to)
	})(c)
}
