package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/jobs"
)

// listJobs lists the tenants that have jobs, with ?tenant= the jobs of a tenant, or with ?master=true those without tenant.
// Jobs are shown without their arguments; ?state= filters them.
func (a *API) listJobs(c *gin.Context) error {
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "tenant", "master", "state", "after")
	}
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	inMaster := c.Query("master") == "true"
	switch {
	case c.Query("master") != "" && !inMaster:
		return problem.InvalidField("master", "must be true")
	case inMaster && c.Query("tenant") != "":
		return problem.InvalidField("master", "must not be there with tenant")
	case c.Query("tenant") == "" && !inMaster:
		if c.Query("state") != "" || c.Query("after") != "" {
			return problem.InvalidField("tenant", "must name the tenant whose jobs are listed, unless master is true")
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
	var t *tenants.Tenant // nil for the master
	if !inMaster {
		if t, err = a.manager.Get(ctx, c.Query("tenant")); err != nil {
			return err
		}
	}
	page, next, err := jobs.List(ctx, a.store, t, state, c.Query("after"), limit)
	if err == nil {
		c.JSON(http.StatusOK, document.Jobs(page, next))
	}
	return err
}

// retryJobs makes the discarded jobs of a tenant, or in the path without tenant those without tenant, run again that the body
// names: {"ids": […]}, or {"ids": []} for all.
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
	var t *tenants.Tenant // nil for the master
	if subdomain := c.Param("subdomain"); subdomain != "" {
		var err error
		if t, err = a.manager.Get(c.Request.Context(), subdomain); err != nil {
			return err
		}
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	n, err := a.manager.RetryJobs(c.Request.Context(), by, t, body.IDs...)
	if err == nil {
		c.JSON(http.StatusOK, gin.H{"retried": n})
	}
	return err
}
