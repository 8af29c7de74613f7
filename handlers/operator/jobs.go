package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/document"
	"tenantry/tenants/jobs"
)

// listJobs lists the tenants that have jobs, or with ?tenant= the jobs of a tenant, without their arguments; ?state= filters
// these.
func (a *API) listJobs(c *gin.Context) error {
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "tenant", "state", "after")
	}
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if c.Query("tenant") == "" {
		if c.Query("state") != "" || c.Query("after") != "" {
			return problem.InvalidField("tenant", "must name the tenant whose jobs are listed")
		}
		found, err := a.store.Master().DueTenants(ctx, limit)
		if err == nil {
			c.JSON(http.StatusOK, document.DueOf(found))
		}
		return err
	}
	state := jobs.State(c.Query("state"))
	if state != "" && state != jobs.Available && state != jobs.Discarded {
		return problem.InvalidField("state", "must be available or discarded")
	}
	t, err := a.manager.Get(ctx, c.Query("tenant"))
	if err != nil {
		return err
	}
	page, next, err := jobs.List(ctx, a.store, t, state, c.Query("after"), limit)
	if err == nil {
		c.JSON(http.StatusOK, document.Jobs(page, next))
	}
	return err
}

// retryJobs makes the discarded jobs of a tenant run again that the body names: {"ids": […]}, or {"ids": []} for all.
func (a *API) retryJobs(c *gin.Context) error {
	var body struct {
		IDs []string `json:"ids"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.IDs == nil {
		return problem.InvalidField("ids", "must be a list of jobs, empty for all")
	}
	t, err := a.manager.Get(c.Request.Context(), c.Param("subdomain"))
	if err != nil {
		return err
	}
	n, err := jobs.Retry(c.Request.Context(), a.store, t, body.IDs...)
	if err == nil {
		c.JSON(http.StatusOK, gin.H{"retried": n})
	}
	return err
}
