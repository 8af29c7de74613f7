package operator

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// Restore makes a new tenant of a tenant's backup from a time, or of the newest if the time is zero.
type Restore func(ctx context.Context, t *tenants.Tenant, at time.Time, n lifecycle.NewTenant) (*tenants.Tenant, backup.Restored, error)

// exportTenant sends the tenant's portable file, with ?credentials=true also password hashes, sessions and tokens, and with
// ?files=false without the contents of files.
func (a *API) exportTenant(c *gin.Context) error {
	credentials, given := c.GetQuery("credentials")
	if given && credentials != "true" && credentials != "false" {
		return problem.InvalidField("credentials", "must be true or false")
	}
	files, given := c.GetQuery("files")
	if given && files != "true" && files != "false" {
		return problem.InvalidField("files", "must be true or false")
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	d, err := a.manager.Download(c.Request.Context(), by, c.Param("subdomain"), lifecycle.Export{Credentials: credentials == "true", WithoutFiles: files == "false"})
	if err != nil {
		return err
	}
	return request.SendDownload(c, d.About.Subdomain, d)
}

// cloneTenant creates a tenant as a copy of another.
func (a *API) cloneTenant(c *gin.Context) error {
	var body struct {
		Subdomain string `json:"subdomain"`
		Name      string `json:"name"`
		Server    string `json:"server"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Subdomain == "" {
		return problem.InvalidField("subdomain", "is required")
	}
	return a.showMade(c, func(by lifecycle.Operator) (*tenants.Tenant, error) {
		return a.manager.Clone(c.Request.Context(), by, c.Param("subdomain"),
			lifecycle.NewTenant{Subdomain: body.Subdomain, Name: body.Name, Server: body.Server})
	}, func(t *tenants.Tenant) any { return document.TenantOf(t) })
}

// moveToServer moves a tenant to another server.
func (a *API) moveToServer(c *gin.Context) error {
	var body struct {
		Server string `json:"server"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Server == "" {
		return problem.InvalidField("server", "is required")
	}
	err := a.changeAs(c, func(ctx context.Context, by lifecycle.Operator, subdomain string) (*tenants.Tenant, error) {
		return a.manager.Move(ctx, by, subdomain, body.Server)
	}, showState)
	return unknownServer(err)
}

// restored is a tenant that was made of a backup.
type restored struct {
	document.Tenant
	RestoredAt time.Time `json:"restored_at"`
}

// restoreTenant brings back an archived or purged tenant. With a body it makes a new tenant of a backup instead.
func (a *API) restoreTenant(c *gin.Context) error {
	content := bufio.NewReader(c.Request.Body)
	if _, err := content.Peek(1); err != nil {
		return a.moveTenant(a.manager.Restore)(c)
	}
	c.Request.Body = io.NopCloser(content)
	var body struct {
		At     *string `json:"at"`
		As     string  `json:"as"`
		Server string  `json:"server"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.As == "" {
		return problem.InvalidField("as", "is required: the subdomain of the new tenant")
	}
	var at, of time.Time
	if body.At != nil {
		var err error
		if at, err = time.Parse(time.RFC3339, *body.At); err != nil {
			return problem.InvalidField("at", "must be a time such as 2026-11-25T17:30:00Z")
		}
	}
	return a.showMade(c, func(by lifecycle.Operator) (*tenants.Tenant, error) {
		t, err := a.manager.Get(c.Request.Context(), c.Param("subdomain"))
		if err != nil {
			return nil, err
		}
		made, r, err := a.restore(c.Request.Context(), t, at, lifecycle.NewTenant{Subdomain: body.As, Name: t.Name, Server: body.Server, By: by})
		var subdomain *tenants.SubdomainError
		if errors.As(err, &subdomain) {
			return nil, problem.InvalidField("as", subdomain.Rule)
		}
		of = r.At
		return made, err
	}, func(t *tenants.Tenant) any { return restored{document.TenantOf(t), of.UTC()} })
}

// showMade makes a tenant as the operator who sent the request, and shows it.
func (a *API) showMade(c *gin.Context, create func(by lifecycle.Operator) (*tenants.Tenant, error), show func(t *tenants.Tenant) any) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	t, err := create(by)
	if err != nil {
		return unknownServer(err)
	}
	c.Header("Location", "/api/tenants/"+url.PathEscape(t.Subdomain))
	c.JSON(http.StatusCreated, show(t))
	return nil
}

func unknownServer(err error) error {
	if errors.Is(err, lifecycle.ErrUnknownServer) {
		return problem.InvalidField("server", "is not one of the servers")
	}
	return err
}
