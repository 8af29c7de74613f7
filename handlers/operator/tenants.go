package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/models"
)

// Register adds the routes to a group behind a Guard.
func (a *API) Register(r gin.IRoutes) {
	read := []string{http.MethodGet, http.MethodHead}
	r.Match(read, "/tenants", do(a.listTenants))
	r.POST("/tenants", do(a.createTenant))
	r.Match(read, "/tenants/:subdomain", do(a.getTenant))
	r.POST("/tenants/:subdomain/suspend", do(a.moveTenant(a.manager.Suspend)))
	r.POST("/tenants/:subdomain/resume", do(a.moveTenant(a.manager.Resume)))
}

const (
	defaultLimit = 50
	maxLimit     = 200
	maxBody      = 64 << 10
)

// listTenants lists tenants by subdomain.
func (a *API) listTenants(c *gin.Context) error {
	limit := defaultLimit
	if text, given := c.GetQuery("limit"); given {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLimit {
			return invalid(fmt.Errorf("limit %q", text), "limit", fmt.Sprintf("must be a number from 1 to %d", maxLimit))
		}
	}
	page, next, err := a.manager.List(c.Request.Context(), c.Query("after"), limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, Tenants(page, next))
	return nil
}

// getTenant shows a tenant in whatever state it is.
func (a *API) getTenant(c *gin.Context) error {
	t, err := a.manager.Get(c.Request.Context(), c.Param("subdomain"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, TenantOf(t))
	return nil
}

// moveTenant brings a tenant to another state, and shows it.
func (a *API) moveTenant(move func(context.Context, string) (*models.Tenant, error)) func(c *gin.Context) error {
	return func(c *gin.Context) error {
		t, err := move(c.Request.Context(), c.Param("subdomain"))
		if err != nil {
			return err
		}
		c.JSON(http.StatusOK, TenantOf(t))
		return nil
	}
}

// createTenant makes a tenant.
func (a *API) createTenant(c *gin.Context) error {
	var body struct {
		Subdomain  *string `json:"subdomain"`
		Name       string  `json:"name"`
		Server     string  `json:"server"`
		AdminEmail *string `json:"admin_email"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Subdomain == nil {
		return invalid(errors.New("no subdomain"), "subdomain", "is required")
	}
	n := NewTenant{Subdomain: *body.Subdomain, Name: body.Name, Server: body.Server}
	if body.AdminEmail != nil {
		if err := auth.CheckEmail(*body.AdminEmail); err != nil {
			return err
		}
		n.Admin.Email = *body.AdminEmail
	}
	if _, err := a.store.Server(n.Server); n.Server != "" && err != nil {
		return invalid(err, "server", "is not one that is configured")
	}
	made, err := a.Create(c.Request.Context(), n)
	if err != nil {
		return err
	}
	c.Header("Location", "/api/tenants/"+url.PathEscape(made.Subdomain))
	c.JSON(http.StatusCreated, made)
	return nil
}

// decode reads the one JSON object of the body. Members that into doesn't have
// are refused.
func decode(c *gin.Context, into any) error {
	if media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || media != "application/json" {
		return &problem{415, "unsupported-media-type", "Unsupported media type", "Send application/json.", nil, errors.New("not JSON")}
	}
	content, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &problem{413, "body-too-large", "Body is too large", fmt.Sprintf("The body is larger than %d bytes.", maxBody), nil, err}
	}
	if err != nil || !json.Valid(content) {
		return &problem{400, "malformed", "Malformed request", "The body is not one JSON document.", nil, errors.New("body is no JSON")}
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	return memberProblem(decoder.Decode(into))
}

// memberProblem tells of a member that is unknown or of the wrong type.
func memberProblem(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field == "":
		return invalid(err, "", "must be an object")
	case errors.As(err, &wrong):
		return invalid(err, wrong.Field, "must be a "+wrong.Type.String())
	}
	_, field, _ := strings.Cut(err.Error(), `unknown field "`)
	return invalid(err, strings.TrimSuffix(field, `"`), "is not known here")
}
