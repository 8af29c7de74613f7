// Package problem has the one table from errors to what clients read, and renders
// errors: as application/problem+json (RFC 9457), or as a page where the client asks
// for one and the listener has pages. All listeners and all kinds of handlers use it.
//
//	problem.go  the errors and the table
//	refusal.go  errors with their own words for the client
//	render.go   the rendering, and the middleware that does it
//	page.go     who gets a page instead of JSON
//	context.go  the request's id
package problem

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"tenantry/tenants"
	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// Fail ends the chain with an error, which Middleware renders.
func Fail(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
}

// Middleware returns a middleware that renders the last error on c.Errors unless
// something was written, and logs errors with a status of 500 or more, except those that an operator has planned. It goes above
// web.Resolve and web.Scoped.
func Middleware(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		if last := c.Errors.Last(); last != nil {
			logFailure(log, c, last.Err)
			Write(c, last.Err)
		}
	}
}

func logFailure(log *slog.Logger, c *gin.Context, err error) {
	status := kindOf(c, err).Status
	if status < 500 || errors.Is(err, tenants.ErrPlannedMaintenance) {
		return
	}
	subdomain := ""
	if t, ok := web.Resolved(c); ok {
		subdomain = t.Subdomain
	}
	log.ErrorContext(c.Request.Context(), "request failed", "tenant", subdomain, "request_id", RequestID(c),
		"method", c.Request.Method, "route", c.FullPath(), "status", status, "error", err)
}

// Write answers with what the client may know of err, unless something was
// written already: with a page if SetPage gave one and the client asks for one, else
// as JSON. Errors that no table lists are a 500 with fixed words.
func Write(c *gin.Context, err error) {
	if c.Writer.Written() {
		return
	}
	p := Describe(c, err)
	if show, ok := pageOf(c); ok && WantsPage(c.Request) {
		show(c, p)
		return
	}
	p.Write(c)
}

// Describe returns what the client may know of err, and sets the headers that go
// with it.
func Describe(c *gin.Context, err error) web.Problem {
	k := kindOf(c, err)
	own := ownWords(k, err)
	if retry := cmp.Or(own.retry, k.Retry); retry > 0 {
		c.Header("Retry-After", strconv.Itoa(retry))
	}
	if k.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", "Bearer")
	}
	p := k.Problem()
	p.RequestID, p.Detail, p.Errors = RequestID(c), cmp.Or(own.detail, k.Detail), own.faults
	if k.Status == http.StatusUnprocessableEntity && p.Errors == nil {
		p.Errors = []web.Fault{}
	}
	return p
}

// NotFound answers requests for paths that no route has.
func NotFound(c *gin.Context) { refuse(c, ErrNotFound) }

// MethodNotAllowed answers requests with a method that the path doesn't take.
// Gin calls it with HandleMethodNotAllowed, and sets Allow.
func MethodNotAllowed(c *gin.Context) { refuse(c, ErrMethod) }

func refuse(c *gin.Context, err error) {
	Write(c, err)
	c.Abort()
}
