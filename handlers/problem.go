package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// The errors that come up in this package, for the table.
var (
	errNoRoute   = errors.New("no such route")
	errNoMethod  = errors.New("method is not allowed here")
	errMalformed = errors.New("request is malformed")
	errMediaType = errors.New("media type is not supported")
	errInvalid   = errors.New("request is invalid")
	errConflict  = errors.New("request conflicts with what is stored")

	errUnauthenticated = errors.New("no valid credential")
	errWrongPassword   = errors.New("wrong address or password")
	errForbidden       = errors.New("user may not do this")
	errCrossOrigin     = errors.New("request comes from another origin")
	errTooManyTries    = errors.New("too many tries")
)

// ErrMisdirected: the request is for a host that this listener is not.
var ErrMisdirected = errors.New("request is for another host")

// kinds is the table of this package's errors; those of the engine and of
// statements are package web's. The first line whose error matches counts.
var kinds = []web.Kind{
	{Err: errMalformed, Status: 400, Name: "malformed", Title: "Malformed request", Detail: "The body could not be read."},
	{Err: errMediaType, Status: 415, Name: "unsupported-media-type", Title: "Unsupported media type", Detail: "The body is of a type that is not accepted here."},
	{Err: errInvalid, Status: 422, Name: "invalid", Title: "Invalid request", Detail: "Some values can't be accepted; errors says which and why."},
	{Err: ErrStale, Status: 409, Name: "conflict", Title: "Conflict", Detail: "Somebody changed this meanwhile. Read it again, and send the version that it has now."},
	{Err: errConflict, Status: 409, Name: "conflict", Title: "Conflict", Detail: "This conflicts with what is stored."},
	{Err: errUnauthenticated, Status: 401, Name: "unauthenticated", Title: "Not signed in", Detail: "This needs a valid session or API token of this tenant."},
	{Err: errWrongPassword, Status: 401, Name: "wrong-password", Title: "Wrong address or password", Detail: "No account has this e-mail address with this password."},
	{Err: errForbidden, Status: 403, Name: "forbidden", Title: "Not allowed", Detail: "Only admins may do this."},
	{Err: errCrossOrigin, Status: 403, Name: "cross-origin", Title: "Request from elsewhere", Detail: "This request comes from a page of another origin."},
	{Err: errTooManyTries, Status: 429, Name: "too-many-tries", Title: "Too many tries", Detail: "There were too many tries to sign in. Wait for as long as Retry-After says."},
	{Err: ErrMisdirected, Status: 421, Name: "misdirected", Title: "Another host", Detail: "The operator's listener is not reached by this host name. TENANTRY_OPERATOR_HOSTS adds names."},
	{Err: errNoRoute, Status: 404, Name: "not-found", Title: "Not found", Detail: "There is nothing at this path."},
	{Err: errNoMethod, Status: 405, Name: "method-not-allowed", Title: "Method not allowed", Detail: "This path does not take this method; Allow says which it takes."},
}

// clientGone is for requests that were cancelled. Nobody reads the reply; the
// status, nginx's, is for the log.
var clientGone = web.Kind{Status: 499, Name: "client-closed-request", Title: "Client closed request", Detail: "The client did not wait for the answer."}

// kindOf looks err up. A cancellation that is not the client's is a fault of
// the program: it is also how a refused statement shows (tenants, QueryRow).
func kindOf(c *gin.Context, err error) web.Kind {
	if errors.Is(err, context.Canceled) && errors.Is(c.Request.Context().Err(), context.Canceled) {
		return clientGone
	}
	return web.KindOf(err, kinds)
}

// refusal is an error of the table with words of its own for the client.
type refusal struct {
	kind   error
	detail string // empty for the table's
	retry  int    // Retry-After in seconds, 0 for the table's
	faults []web.Fault
}

// Error is for the log.
func (r *refusal) Error() string {
	if len(r.faults) > 0 {
		return fmt.Sprintf("%v: %q %s", r.kind, r.faults[0].Field, r.faults[0].Message)
	}
	return fmt.Sprintf("%v: %s", r.kind, r.detail)
}

// Unwrap is the error that the table lists.
func (r *refusal) Unwrap() error { return r.kind }

func conflict(detail string) error   { return &refusal{kind: errConflict, detail: detail} }
func malformed(detail string) error  { return &refusal{kind: errMalformed, detail: detail} }
func unaccepted(detail string) error { return &refusal{kind: errMediaType, detail: detail} }

// Problems renders the last error on c.Errors when nothing was written, and
// logs those that are the server's fault. It goes above web.Resolve and
// web.Scoped.
func Problems(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		if last := c.Errors.Last(); last != nil {
			logFailure(log, c, last.Err)
			WriteProblem(c, last.Err)
		}
	}
}

func logFailure(log *slog.Logger, c *gin.Context, err error) {
	status := kindOf(c, err).Status
	if status < 500 {
		return
	}
	subdomain := ""
	if t, ok := web.Resolved(c); ok {
		subdomain = t.Subdomain
	}
	log.ErrorContext(c.Request.Context(), "request failed", "tenant", subdomain, "request_id", RequestID(c),
		"method", c.Request.Method, "route", c.FullPath(), "status", status, "error", err)
}

// WriteProblem answers with what the client may know of err, unless something
// was written already: with a page where SetErrorPage gave one and the client
// asks for one. Errors that this package doesn't know are a 500 with fixed
// words.
func WriteProblem(c *gin.Context, err error) {
	if c.Writer.Written() {
		return
	}
	p := Describe(c, err)
	if show, ok := errorPage(c); ok && WantsPage(c.Request) {
		show(c, p)
		return
	}
	p.Write(c)
}

// Describe is what the client may know of err, for a page that shows it. It
// sets what headers go with it.
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

// ownWords returns what err, which is of this kind, says for itself.
func ownWords(k web.Kind, err error) refusal {
	var own *refusal
	if errors.As(err, &own) && own.kind == k.Err {
		return *own
	}
	return refusal{}
}

// NotFound answers requests for paths that no route has.
func NotFound(c *gin.Context) { refuse(c, errNoRoute) }

// MethodNotAllowed answers requests with a method that the path doesn't take.
// Gin calls it with HandleMethodNotAllowed, and sets Allow.
func MethodNotAllowed(c *gin.Context) { refuse(c, errNoMethod) }

func refuse(c *gin.Context, err error) {
	WriteProblem(c, err)
	c.Abort()
}
