package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/lifecycle"
)

// listOperations lists what was done to tenants, the newest first; ?tenant= and
// ?unfinished=true narrow it.
func (a *API) listOperations(c *gin.Context) error {
	limit, err := readLimit(c)
	if err != nil {
		return err
	}
	var filter lifecycle.OperationFilter
	switch c.Query("unfinished") {
	case "", "false":
	case "true":
		filter.Unfinished = true
	default:
		return invalid(errQuery, "unfinished", "must be true or false")
	}
	if name := c.Query("tenant"); name != "" {
		t, err := a.manager.Get(c.Request.Context(), name)
		if err != nil {
			return invalid(err, "tenant", "is not the subdomain or id of a tenant")
		}
		filter.TenantID = t.ID
	}
	page, next, err := a.manager.Operations(c.Request.Context(), filter, c.Query("after"), limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, Operations(page, next))
	return nil
}
