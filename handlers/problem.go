package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// ProblemType is what every problem's type begins with; the rest is the name
// in the table below. Types are for programs to compare, not to be fetched.
const ProblemType = "urn:tenantry:problem:"

// Problem is the body of every error reply: RFC 9457, application/problem+json.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	// Errors is there with status 422 only.
	Errors []Fault `json:"errors,omitzero"`
}

// Fault is what is wrong with one field of a request: a JSON member, a query
// parameter, or a cell such as "row 700, column due_on". Field is empty for
// the request as a whole.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

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

// kind is how errors of one sort are shown.
type kind struct {
	err    error
	status int
	name   string // ends the problem's type
	title  string
	detail string
	retry  int // Retry-After in seconds, 0 for none
}

// kinds is the table. The first line whose error matches counts: an error may
// match several, and the more urgent ones come first.
var kinds = []kind{
	// First, for what makes one try again may have come up beside it.
	{tenants.ErrCommitUnknown, 500, "commit-unknown", "It is unknown whether this was stored", "The connection to the database broke at the end of the request. Look whether the change is there before you send it again.", 0},

	{tenants.ErrUnknownTenant, 404, "unknown-tenant", "Unknown tenant", "No tenant is served at this address.", 0},
	{tenants.ErrSuspended, 403, "suspended", "Tenant is suspended", "This tenant was suspended by the operator.", 0},
	{tenants.ErrMaintenance, 503, "maintenance", "Tenant is under maintenance", "This tenant is being worked on and will be back shortly.", 30},
	{tenants.ErrSchemaVersion, 503, "schema-version", "Tenant is being upgraded", "This tenant's data is of another version than this service. It will be back when the operator has upgraded it.", 30},

	{tenants.ErrTenantFull, 507, "tenant-full", "Tenant is full", "This tenant's data takes all the room that it may. Delete what is no longer needed, or ask the operator for more room.", 0},
	{tenants.ErrFull, 507, "storage-full", "Storage is full", "The service has no room left to store this. Only its operator can make room; reading and deleting go on.", 0},
	{tenants.ErrBusy, 503, "busy", "Too busy", "Too much is going on at the moment. Try again.", 1},
	{tenants.ErrRetryable, 503, "busy", "Too busy", "Somebody changed the same things at the same moment. Try again.", 1},
	{tenants.ErrClosed, 503, "unavailable", "Unavailable", "The service is restarting. Try again.", 5},
	{tenants.ErrUnavailable, 503, "unavailable", "Unavailable", "The database can't be reached at the moment. Try again later.", 5},
	{context.DeadlineExceeded, 503, "timeout", "Out of time", "This took longer than it may. Try again.", 5},
	// Whatever it was, the handler passed over it, or could not see it.
	{tenants.ErrStatementFailed, 500, internal.name, internal.title, internal.detail, 0},
	{tenants.ErrCommitFailed, 500, internal.name, internal.title, internal.detail, 0},

	{tenants.ErrBodyTooLarge, 413, "body-too-large", "Body is too large", "The body is larger than is accepted here.", 0},
	{tenants.ErrBodyTooSlow, 408, "body-too-slow", "Body is too slow", "The body did not arrive in time. Try again over a faster connection, or send less at once.", 0},
	{tenants.ErrTooManyBodies, 503, "busy", "Too busy", "Too much is being uploaded at the moment. Try again.", 1},
	{tenants.ErrBodyUnreadable, 400, "malformed", "Malformed request", "The body broke off before its end.", 0},
	{errMalformed, 400, "malformed", "Malformed request", "The body could not be read.", 0},
	{errMediaType, 415, "unsupported-media-type", "Unsupported media type", "The body is of a type that is not accepted here.", 0},
	{errInvalid, 422, "invalid", "Invalid request", "Some values can't be accepted; errors says which and why.", 0},
	{ErrStale, 409, "conflict", "Conflict", "Somebody changed this meanwhile. Read it again, and send the version that it has now.", 0},
	{errConflict, 409, "conflict", "Conflict", "This conflicts with what is stored.", 0},
	{errUnauthenticated, 401, "unauthenticated", "Not signed in", "This needs a valid session or API token of this tenant.", 0},
	{errWrongPassword, 401, "wrong-password", "Wrong address or password", "No account has this e-mail address with this password.", 0},
	{errForbidden, 403, "forbidden", "Not allowed", "Only admins may do this.", 0},
	{errCrossOrigin, 403, "cross-origin", "Request from elsewhere", "This request comes from a page of another origin.", 0},
	{errTooManyTries, 429, "too-many-tries", "Too many tries", "There were too many tries to sign in. Wait for as long as Retry-After says.", 0},
	{ErrMisdirected, 421, "misdirected", "Another host", "The operator's listener is not reached by this host name. TENANTRY_OPERATOR_HOSTS adds names.", 0},
	{errNoRoute, 404, "not-found", "Not found", "There is nothing at this path.", 0},
	{errNoMethod, 405, "method-not-allowed", "Method not allowed", "This path does not take this method; Allow says which it takes.", 0},

	{gorm.ErrRecordNotFound, 404, "not-found", "Not found", "There is nothing with this id.", 0},
	{gorm.ErrDuplicatedKey, 409, "conflict", "Conflict", "There is one like this already.", 0},
	{gorm.ErrForeignKeyViolated, 409, "conflict", "Conflict", "What this refers to is not there, or what it removes is still referred to.", 0},
	{gorm.ErrCheckConstraintViolated, 422, "invalid", "Invalid request", "A value is not one that can be stored.", 0},
}

// internal is for errors that the table doesn't list.
var internal = kind{
	status: 500, name: "internal", title: "Internal error",
	detail: "Something went wrong here. When you report it, name the request_id.",
}

// clientGone is for requests that were cancelled. Nobody reads the reply; the
// status, nginx's, is for the log.
var clientGone = kind{status: 499, name: "client-closed-request", title: "Client closed request", detail: "The client did not wait for the answer."}

// kindOf looks err up. A cancellation that is not the client's is a fault of
// the program: it is also how a refused statement shows (tenants, QueryRow).
func kindOf(c *gin.Context, err error) kind {
	if errors.Is(err, context.Canceled) && errors.Is(c.Request.Context().Err(), context.Canceled) {
		return clientGone
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k
		}
	}
	return internal
}

// refusal is an error of the table with words of its own for the client.
type refusal struct {
	kind   error
	detail string // empty for the table's
	retry  int    // Retry-After in seconds, 0 for the table's
	faults []Fault
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
// logs those that are the server's fault. It goes above tenants.Resolve and
// tenants.Scoped.
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
	status := kindOf(c, err).status
	if status < 500 {
		return
	}
	subdomain := ""
	if t, ok := tenants.Resolved(c); ok {
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
	k := kindOf(c, err)
	k.setHeaders(c, err)
	p := k.problem(RequestID(c), err)
	if show, ok := errorPage(c); ok && WantsPage(c.Request) {
		show(c, p)
		return
	}
	c.Header("Content-Type", "application/problem+json")
	body, impossible := json.Marshal(p)
	if impossible != nil {
		panic(impossible) // strings and a number: only a broken program gets here
	}
	c.Data(k.status, "application/problem+json", body)
}

// Describe is what the client may know of err, for a page that shows it. It
// sets what headers go with it.
func Describe(c *gin.Context, err error) Problem {
	k := kindOf(c, err)
	k.setHeaders(c, err)
	return k.problem(RequestID(c), err)
}

// own is what err, which is of this kind, has to say for itself.
func (k kind) own(err error) refusal {
	var own *refusal
	if errors.As(err, &own) && own.kind == k.err {
		return *own
	}
	return refusal{}
}

// setHeaders sets what goes with the status.
func (k kind) setHeaders(c *gin.Context, err error) {
	if retry := k.retryAfter(err); retry > 0 {
		c.Header("Retry-After", strconv.Itoa(retry))
	}
	if k.status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", "Bearer")
	}
}

// retryAfter is in how many seconds to try again, 0 when nothing is known.
func (k kind) retryAfter(err error) int { return cmp.Or(k.own(err).retry, k.retry) }

// problem tells of err, which is of this kind.
func (k kind) problem(requestID string, err error) Problem {
	p := Problem{Type: ProblemType + k.name, Title: k.title, Status: k.status, Detail: k.detail, RequestID: requestID}
	own := k.own(err)
	if own.detail != "" {
		p.Detail = own.detail
	}
	p.Errors = own.faults
	if k.status == http.StatusUnprocessableEntity && p.Errors == nil {
		p.Errors = []Fault{}
	}
	return p
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
