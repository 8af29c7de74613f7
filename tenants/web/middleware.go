// Package web leads Gin's requests into tenants' scopes: Resolve finds the tenant
// of a request, by its host unless told otherwise, Scoped runs the handlers in a transaction on its database
// and holds their reply back until the commit. It is all that an application
// needs of Gin below its own handlers. A request's way:
//
//	middleware.go  Resolve: the request's tenant
//	identify.go    by its host, or as the application says
//	scoped.go      Scoped: reads the body, then runs the handlers in a scope
//	body.go        bounds the memory of all bodies together
//	context.go     the request's tenant and transaction
//	reply.go       holds the reply back until the commit
//	problem.go     or tells what went wrong; errors.go
package web

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

// Options configure a Middleware.
type Options struct {
	// Domain is the base domain. Tenants are served at its subdomains and at custom hosts.
	Domain tenants.BaseDomain
	// Identify finds the name of a request's tenant, which is then its subdomain. Defaults to ByHost(Domain), which
	// also knows the tenants' own hosts.
	Identify Identify
	// Found is called for each request whose tenant was found; an error refuses the request. Defaults to none.
	Found func(c *gin.Context, t *tenants.Tenant) error
	// NotFound is called when there is no tenant to serve, with the error of Store.Lookup. It returns the error that is
	// rendered, or answers the request and returns nil. Defaults to none.
	NotFound func(c *gin.Context, err error) error
	// Render answers a request that failed with err, which is also the last error on c.Errors.
	// Nothing has been written by then. Defaults to WriteProblem, which is preceded by a line
	// in Log for each status of 500 or more.
	Render func(c *gin.Context, err error)
	// RequestID returns the request's id, for the log of slow statements. Defaults
	// to none.
	RequestID func(c *gin.Context) string
	// Log defaults to slog.Default().
	Log *slog.Logger
}

// Middleware makes the handlers that run requests in tenants' scopes. The handlers of one
// Middleware share the bounds on the memory of request bodies, so an application should have
// one Middleware for each store. It is safe for concurrent use.
type Middleware struct {
	store     *tenants.Store
	identify  Identify
	found     func(c *gin.Context, t *tenants.Tenant) error
	notFound  func(c *gin.Context, err error) error
	render    func(c *gin.Context, err error)
	requestID func(c *gin.Context) string

	replies   sync.Pool // of *heldReply
	bodies    bodies    // of requests that Scoped reads
	strangers bodies    // of requests that Buffered reads
}

// New returns a Middleware of the store.
func New(store *tenants.Store, o Options) *Middleware {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Render == nil {
		o.Render = renderWith(o.Log)
	}
	identify := ByHost(o.Domain)
	if o.Identify != nil {
		identify = subdomains(o.Identify)
	}
	return &Middleware{
		store: store, identify: identify, found: o.Found, notFound: o.NotFound, render: o.Render, requestID: o.RequestID,
		bodies:    bodies{limit: bodyMemory, share: tenantBodyMemory},
		strangers: bodies{limit: strangerBodyMemory, share: strangerBodyMemory},
	}
}

// Resolve returns a handler that finds the request's tenant, for From. If there is none, the handler ends the chain with
// the error of Store.Lookup, or with that of Options.NotFound.
func (m *Middleware) Resolve() gin.HandlerFunc {
	return func(c *gin.Context) {
		t, err := m.lookup(c)
		if err == nil {
			c.Set(tenantKey{}, t)
			if m.found != nil {
				err = m.found(c, t)
			}
		} else if m.notFound != nil {
			c.Abort()
			err = m.notFound(c, err)
		}
		if err != nil {
			m.refuse(c, err)
		}
	}
}

// lookup returns the request's tenant. Returns tenants.ErrUnknownTenant if the request names none.
func (m *Middleware) lookup(c *gin.Context) (*tenants.Tenant, error) {
	name, ok := m.identify(c)
	if !ok {
		return nil, tenants.ErrUnknownTenant
	}
	return m.store.Lookup(c.Request.Context(), name)
}

// admit counts the request against its tenant's limit of requests a second, once. It returns false if the
// request was refused.
func (m *Middleware) admit(c *gin.Context) bool {
	t, ok := Resolved(c)
	if !ok || m.store.Limits(t).Requests == 0 || c.GetBool(admittedKey{}) {
		return true
	}
	c.Set(admittedKey{}, true)
	if err := m.store.Admit(t); err != nil {
		m.refuse(c, err)
		return false
	}
	return true
}

// renderWith returns the default of Options.Render.
func renderWith(log *slog.Logger) func(c *gin.Context, err error) {
	return func(c *gin.Context, err error) {
		if status := KindOf(err, nil).Status; status >= http.StatusInternalServerError {
			log.ErrorContext(c.Request.Context(), "request failed", "method", c.Request.Method, "route", c.FullPath(), "status", status, "error", err)
		}
		WriteProblem(c, err)
	}
}

// refuse ends the chain, records the error and renders it.
func (m *Middleware) refuse(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
	m.render(c, err)
}
