package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
)

// Register adds the routes to r, which must be behind a Guard.
func (a *API) Register(r gin.IRoutes) {
	read := []string{http.MethodGet, http.MethodHead}
	r.Match(read, "/tenants", do(a.listTenants, "q", "state", "server", "schema_version", "where", "limit", "after"))
	r.POST("/tenants", do(a.createTenant))
	r.Match(read, "/tenants/:subdomain", do(a.getTenant))
	r.PATCH("/tenants/:subdomain", do(a.changeTenant))
	r.DELETE("/tenants/:subdomain", do(a.deleteTenant, "purge", "grace_days"))
	r.POST("/tenants/:subdomain/suspend", do(a.moveTenant(a.manager.Suspend)))
	r.POST("/tenants/:subdomain/resume", do(a.moveTenant(a.manager.Resume)))
	r.POST("/tenants/:subdomain/restore", do(a.restoreTenant))
	r.GET("/tenants/:subdomain/export", do(a.exportTenant, "credentials", "files"))
	r.POST("/tenants/:subdomain/clone", do(a.cloneTenant))
	r.POST("/tenants/:subdomain/move", do(a.moveToServer))
	r.POST("/tenants/:subdomain/swap", do(a.swapTenant))

	r.POST("/tenants/:subdomain/enter", do(a.enterTenant))
	r.POST("/tenants/:subdomain/maintenance", do(a.setMaintenance))

	r.Match(read, "/tenants/:subdomain/domains", do(a.listDomains))
	r.POST("/tenants/:subdomain/domains", do(a.addDomain))
	r.DELETE("/tenants/:subdomain/domains/:host", do(a.removeDomain))

	r.Match(read, "/operations", do(a.listOperations, "tenant", "kind", "state", "by", "since", "until", "unfinished", "limit", "after", "follow"))
	r.Match(read, "/jobs", do(a.listJobs, "tenant", "master", "state", "limit", "after"))
	r.POST("/jobs/retry", do(a.retryJobs))
	r.POST("/tenants/:subdomain/jobs/retry", do(a.retryJobs))
	r.Match(read, "/top", do(a.readTop, "sort", "limit"))
	r.Match(read, "/operators", do(a.listOperators))
	r.POST("/operators", do(a.addOperator))
	r.Match(read, "/operators/:operator", do(a.getOperator))
	r.PATCH("/operators/:operator", do(a.changeOperator))
	r.DELETE("/operators/:operator", do(a.removeOperator))
	r.POST("/operators/:operator/tokens", do(a.addToken))
	r.DELETE("/operators/:operator/tokens/:token", do(a.revokeToken))
	r.Match(read, "/handles", do(a.listHandles, "sort", "limit", "tenant"))
	r.DELETE("/handles/:subdomain", do(a.closeHandle))
	r.Match(read, "/servers", do(a.listServers))
	r.POST("/servers", do(a.addServer))
	r.Match(read, "/servers/:server", do(a.getServer))
	r.PATCH("/servers/:server", do(a.changeServer))
	r.DELETE("/servers/:server", do(a.removeServer))
	r.POST("/servers/:server/drain", do(a.setServerState(tenants.ServerDraining)))
	r.POST("/servers/:server/undrain", do(a.setServerState(tenants.ServerActive)))

	r.Match(read, "/migrations", do(a.listRuns, "limit"))
	r.POST("/migrations", do(a.changeRuns))
	r.Match(read, "/migrations/plan", do(a.showPlan, "server", "tenants", "canaries", "waves"))
	r.Match(read, "/migrations/:run/tenants", do(a.listRunTenants, "state", "limit", "after"))
	r.Match(read, "/doctor", do(a.examine))
	r.POST("/doctor", do(a.repair))
}

const (
	defaultLimit = 50
	maxLimit     = 200
	maxBody      = 64 << 10
)

// listTenants lists tenants by subdomain. ?q=, ?state=, ?server=,
// ?schema_version= and ?where=KEY=VALUE,… (for settings) filter the list.
func (a *API) listTenants(c *gin.Context) error {
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "state", "server", "schema_version", "after")
	}
	if err != nil {
		return err
	}
	where, err := readWhere(c)
	if err != nil {
		return err
	}
	search, err := a.manager.ReadSearch(c.Request.Context(), lifecycle.TypedSearch{
		Text: c.Query("q"), State: c.Query("state"), Server: c.Query("server"), SchemaVersion: c.Query("schema_version"), Settings: where,
	})
	if err != nil {
		return err
	}
	after, err := TenantsAfter(c)
	if err != nil {
		return err
	}
	page, next, err := a.manager.Find(c.Request.Context(), search, after, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.Tenants(page, next))
	return nil
}

// readLimit returns the largest number of items of the page.
func readLimit(c *gin.Context) (int, error) {
	text, given := c.GetQuery("limit")
	if !given {
		return defaultLimit, nil
	}
	return number(text, "limit", 1, maxLimit)
}

// noneEmpty refuses parameters without a value: a script whose variable is empty
// would mistake a whole list for a filtered one.
func noneEmpty(c *gin.Context, parameters ...string) error {
	for _, name := range parameters {
		if value, given := c.GetQuery(name); given && value == "" {
			return problem.InvalidField(name, "must not be empty; leave it out to list all")
		}
	}
	return nil
}

// readAfter returns the place after which a page begins: the next of an earlier
// page.
func readAfter(c *gin.Context, valid func(after string) bool) (string, error) {
	after, given := c.GetQuery("after")
	if given && !valid(after) {
		return "", problem.InvalidField("after", "must be the next of an earlier page of this list")
	}
	return after, nil
}

// TenantsAfter returns the subdomain after which a page of tenants begins.
func TenantsAfter(c *gin.Context) (string, error) { return readAfter(c, isSubdomain) }

// isSubdomain reports whether a tenant, even a purged one, can have the subdomain.
// longer ones.
func isSubdomain(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// number parses a number of a query.
func number(text, field string, least, most int) (int, error) {
	n, ok := request.ParseNumber(text, least, most)
	if !ok {
		return 0, problem.InvalidField(field, fmt.Sprintf("must be a number from %d to %d", least, most))
	}
	return n, nil
}

// getTenant shows a tenant in any state.
func (a *API) getTenant(c *gin.Context) error {
	t, err := a.manager.Get(c.Request.Context(), c.Param("subdomain"))
	if err != nil {
		return err
	}
	return a.showTenant(c, t)
}

// showTenant writes a tenant with its limits and its settings in force, and what is known of its backups.
func (a *API) showTenant(c *gin.Context, t *tenants.Tenant) error {
	proof, err := a.manager.Proof(c.Request.Context(), t.ID)
	if err != nil {
		return err
	}
	at, err := a.backed(c.Request.Context(), t)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, struct {
		document.Configured
		document.Backups
	}{document.ConfiguredOf(t, a.store), document.BackupsOf(at, proof)})
	return nil
}

// moveTenant brings a tenant into another state, and shows it.
func (a *API) moveTenant(move func(context.Context, lifecycle.Operator, string) (*tenants.Tenant, error)) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		if err := noMembers(c); err != nil {
			return err
		}
		return a.changeAs(c, move, showState)
	}
}

// showState writes a tenant without its limits and settings.
func showState(c *gin.Context, t *tenants.Tenant) error {
	c.JSON(http.StatusOK, document.TenantOf(t))
	return nil
}

// changeAs changes a tenant as the operator who sent the request, and shows it.
func (a *API) changeAs(c *gin.Context, change func(context.Context, lifecycle.Operator, string) (*tenants.Tenant, error), show func(*gin.Context, *tenants.Tenant) error) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	t, err := change(c.Request.Context(), by, c.Param("subdomain"))
	if err != nil {
		return err
	}
	return show(c, t)
}

// noMembers refuses a body that isn't empty, for requests that have no members. A
// body that was read before counts as empty.
func noMembers(c *gin.Context) error {
	body := bufio.NewReader(c.Request.Body)
	if _, err := body.Peek(1); err != nil {
		return nil
	}
	c.Request.Body = io.NopCloser(body)
	return decode(c, &struct{}{})
}

// MaxRedirectDays is the largest number of days that an old subdomain can redirect.
const MaxRedirectDays = 3650

// changeTenant changes a tenant's subdomain, its display name, its limits or its settings. Each
// is an operation of its own, so a request can change only one of them.
func (a *API) changeTenant(c *gin.Context) error {
	var body struct {
		Subdomain    *string         `json:"subdomain"`
		RedirectDays int             `json:"redirect_days"`
		Name         *string         `json:"name"`
		Limits       json.RawMessage `json:"limits"`
		Settings     json.RawMessage `json:"settings"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	switch {
	case body.Settings != nil && (body.Limits != nil || body.Name != nil || body.Subdomain != nil || body.RedirectDays != 0):
		return problem.InvalidField("settings", "can't be changed together with the limits, the name or the subdomain: send two requests")
	case body.Settings != nil:
		return a.changeSettings(c, body.Settings)
	case body.Limits != nil && (body.Name != nil || body.Subdomain != nil || body.RedirectDays != 0):
		return problem.InvalidField("limits", "can't be changed together with the name or the subdomain: send two requests")
	case body.Limits != nil:
		return a.changeLimits(c, body.Limits)
	case body.Name != nil && (body.Subdomain != nil || body.RedirectDays != 0):
		return problem.InvalidField("name", "can't be changed together with the subdomain: send two requests")
	case body.Name != nil:
		return a.moveTenant(func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
			return a.manager.SetName(ctx, by, subdomain, *body.Name)
		})(c)
	case body.Subdomain == nil:
		return problem.InvalidField("subdomain", "is required, or name, limits or settings")
	case body.RedirectDays < 0 || body.RedirectDays > MaxRedirectDays:
		return problem.InvalidField("redirect_days", fmt.Sprintf("must be a number from 0 to %d", MaxRedirectDays))
	}
	return a.moveTenant(func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.Rename(ctx, by, subdomain, lifecycle.Rename{To: *body.Subdomain, RedirectDays: body.RedirectDays})
	})(c)
}

// swapTenant exchanges the tenant with another, and shows the tenant that is then at the subdomain.
func (a *API) swapTenant(c *gin.Context) error {
	var body struct {
		With string `json:"with"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.With == "" {
		return problem.InvalidField("with", "is required: the subdomain of the other tenant")
	}
	return a.moveTenant(func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.Swap(ctx, by, subdomain, body.With)
	})(c)
}

// MaxGraceDays is the largest number of days that a purged tenant's data can be
// kept.
const MaxGraceDays = 365

// deleteTenant archives a tenant, or purges an archived one with ?purge=true.
func (a *API) deleteTenant(c *gin.Context) error {
	purge, given := c.GetQuery("purge")
	if given && purge != "true" && purge != "false" {
		return problem.InvalidField("purge", "must be true or false")
	}
	if _, given := c.GetQuery("grace_days"); given && purge != "true" {
		return problem.InvalidField("grace_days", "is for purge=true alone")
	}
	if purge != "true" {
		return a.moveTenant(a.manager.Archive)(c)
	}
	grace := lifecycle.DefaultGrace
	if text, given := c.GetQuery("grace_days"); given {
		days, err := number(text, "grace_days", 0, MaxGraceDays)
		if err != nil {
			return err
		}
		grace = time.Duration(days) * 24 * time.Hour
	}
	return a.moveTenant(func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.Purge(ctx, by, subdomain, grace)
	})(c)
}

// createTenant creates a tenant.
func (a *API) createTenant(c *gin.Context) error {
	var body struct {
		Subdomain *string `json:"subdomain"`
		Name      string  `json:"name"`
		Server    string  `json:"server"`
		// Labels are labels that the server must have, unless it is named.
		Labels     map[string]string `json:"labels"`
		AdminEmail *string           `json:"admin_email"`
		// DatabaseURL is an existing database to copy into the tenant's.
		DatabaseURL string `json:"database_url"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Subdomain == nil {
		return problem.InvalidField("subdomain", "is required")
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	if body.DatabaseURL != "" && !Current(c).Role.Allows(operators.Owner) {
		return problem.New(problem.ErrForbidden, "Copying a database by its URL needs the role owner: it reads what this machine can read.")
	}
	n := lifecycle.NewTenant{Subdomain: *body.Subdomain, Name: body.Name, Server: body.Server, Labels: body.Labels, Source: body.DatabaseURL, By: by}
	var admin onboard.Admin
	if body.AdminEmail != nil {
		if err := auth.CheckEmail(*body.AdminEmail); err != nil { // an empty one is invalid
			return err
		}
		admin.Email = *body.AdminEmail
	}
	t, made, err := a.onboard.Create(c.Request.Context(), n, admin)
	if errors.Is(err, lifecycle.ErrUnknownServer) {
		return problem.InvalidField("server", "is not one of the servers")
	}
	if err != nil {
		return err
	}
	c.Header("Location", "/api/tenants/"+url.PathEscape(t.Subdomain))
	c.JSON(http.StatusCreated, document.Created{Tenant: document.TenantOf(t), Invitation: made})
	return nil
}

// decode reads the body into a struct, as request.Decode does.
func decode(c *gin.Context, into any) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	return request.Decode(c, into)
}
