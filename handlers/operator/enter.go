package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// enterTenant makes a link with which the operator enters a tenant as one of its people. It can't be read again.
func (a *API) enterTenant(c *gin.Context) error {
	var body struct {
		User   string `json:"user"`
		Reason string `json:"reason"`
		Write  bool   `json:"write"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.User == "" {
		return problem.InvalidField("user", "is required")
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	made, err := a.letIn(c.Request.Context(), by, Current(c), c.Param("subdomain"), lifecycle.Entry{Email: body.User, Reason: body.Reason, Writes: body.Write})
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, document.EntranceOf(made.Tenant, made.Visit, made.URL))
	return nil
}
