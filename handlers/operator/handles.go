package operator

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/document"
)

// listHandles lists databases that are open in any process. ?sort= chooses the order, and ?tenant= the tenant.
func (a *API) listHandles(c *gin.Context) error {
	limit, err := readLimit(c)
	if err != nil {
		return err
	}
	order, err := HandleOrder(c)
	if err != nil {
		return err
	}
	search := tenants.HandleSearch{Order: order, Limit: limit}
	if subdomain, given := c.GetQuery("tenant"); given {
		t, err := a.manager.Get(c.Request.Context(), subdomain)
		if err != nil {
			return err
		}
		search.TenantID = t.ID
	}
	found, err := a.store.HandlesEverywhere(c.Request.Context(), search)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.Handles(found))
	return nil
}

// HandleOrder returns the order that ?sort= names, by default the busiest first.
func HandleOrder(c *gin.Context) (tenants.HandleOrder, error) {
	text, given := c.GetQuery("sort")
	switch order := tenants.HandleOrder(text); {
	case !given:
		return tenants.BusiestFirst, nil
	case !slices.Contains(tenants.HandleOrders(), order):
		return "", problem.InvalidField("sort", "must be leases or idle")
	default:
		return order, nil
	}
}

// closeHandle closes a tenant's database in all processes in which no scope uses it.
func (a *API) closeHandle(c *gin.Context) error {
	t, err := a.manager.Get(c.Request.Context(), c.Param("subdomain"))
	if err != nil {
		return err
	}
	if _, err := a.store.CloseIdleEverywhere(c.Request.Context(), t.ID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
