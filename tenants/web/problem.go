package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// ProblemType is the prefix of every problem's type; the kind's name follows. Programs compare
// types and don't fetch them.
const ProblemType = "urn:tenantry:problem:"

// Problem is the body of an error reply: RFC 9457, application/problem+json.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	// Errors is set only with status 422.
	Errors []Fault `json:"errors,omitzero"`
}

// Fault is an error in one field of a request: a JSON member, a query parameter, or a cell such
// as "row 700, column due_on". Field is empty if it concerns the whole request.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Kind describes to clients the errors that match Err.
type Kind struct {
	Err    error
	Status int
	Name   string // ends the problem's type
	Title  string
	Detail string
	Retry  int // Retry-After in seconds, 0 for none
}

// KindOf returns the kind of err. It searches the engine's kinds first, then own, then the
// kinds of failed statements, and returns the first match. Errors of no kind are a 500 with
// fixed words.
func KindOf(err error, own []Kind) Kind {
	for _, kinds := range [][]Kind{engineKinds, own, statementKinds} {
		for _, k := range kinds {
			if errors.Is(err, k.Err) {
				return k.dueAfter(err)
			}
		}
	}
	return internal
}

// dueAfter returns the kind of err, with the error's own time for Retry-After if err has one: that of a tenant's limit,
// the estimate of a wait for a connection, or what is announced of a tenant's maintenance.
func (k Kind) dueAfter(err error) Kind {
	var limit *tenants.LimitError
	var busy *tenants.BusyError
	switch {
	case k.Status == http.StatusTooManyRequests && errors.As(err, &limit):
		k.Retry = max(1, int(math.Ceil(limit.After.Seconds())))
	case k.Err == tenants.ErrBusy && errors.As(err, &busy):
		k.Retry = scatter(busy.After)
	}
	k.announce(err)
	return k
}

// announce sets what an operator has announced about a tenant's maintenance.
func (k *Kind) announce(err error) {
	var closed *tenants.MaintenanceError
	if k.Err != tenants.ErrPlannedMaintenance || !errors.As(err, &closed) {
		return
	}
	if closed.Until != nil && time.Now().Before(*closed.Until) { // else it takes longer than announced
		k.Detail = "This tenant is closed for maintenance until " + closed.Until.UTC().Format("2 Jan 2006, 15:04") + " UTC."
		k.Retry = max(1, int(math.Ceil(time.Until(*closed.Until).Seconds())))
	}
	if closed.Message != "" {
		k.Detail += " " + closed.Message
	}
}

// scatter returns a time for Retry-After, in seconds from 1 to maxRetry. It is up to a quarter and a second longer than
// the wait, by chance, so that the clients that were refused together don't come back together.
func scatter(wait time.Duration) int {
	seconds := max(1, int(math.Ceil(min(wait, maxRetry*time.Second).Seconds())))
	return min(maxRetry, seconds+rand.IntN(seconds/4+2))
}

const maxRetry = 30

// engineKinds lists the kinds of the engine's errors. An error may match several, so the more
// urgent ones come first.
var engineKinds = []Kind{
	// First, for what makes one try again may have come up beside it.
	{tenants.ErrCommitUnknown, 500, "commit-unknown", "It is unknown whether this was stored", "The connection to the database broke at the end of the request. Check whether the change is there before you send it again.", 0},
	{tenants.ErrUnknownTenant, 404, "unknown-tenant", "Unknown tenant", "No tenant is served at this address.", 0},
	{tenants.ErrSuspended, 403, "suspended", "Tenant is suspended", "This tenant was suspended by the operator.", 0},
	{tenants.ErrReadingOnly, 403, "reading-only", "Reading only", "Nothing was stored: this visit may only read.", 0},
	{tenants.ErrPlannedMaintenance, 503, "planned-maintenance", "Closed for maintenance", "This tenant is closed for maintenance.", 60},
	{tenants.ErrMaintenance, 503, "maintenance", "Tenant is under maintenance", "This tenant is being worked on and will be back shortly.", 30},
	{tenants.ErrSchemaVersion, 503, "schema-version", "Tenant is being upgraded", "This tenant's data is of another version than this service. It will be back when the operator has upgraded it.", 30},
	{tenants.ErrTooManyRequests, 429, "tenant-requests", "Too many requests", "This tenant has sent more requests than it may send in a second. Wait for as long as Retry-After says, or ask the operator for more.", 1},
	{tenants.ErrTooManyScopes, 429, "tenant-concurrency", "Too many requests at once", "As many requests of this tenant are being served as may be at once. Wait for as long as Retry-After says, or ask the operator for more.", 1},
	// The size is measured once a minute; by then people may have deleted something.
	{tenants.ErrTenantFull, 507, "tenant-full", "Tenant is full", "This tenant has used all of its storage. Delete what is no longer needed, or ask the operator for more.", 60},
	// Without Retry-After: waiting makes no room on a disk.
	{tenants.ErrFull, 507, "storage-full", "Storage is full", "The service has no storage left for this. Only its operator can add some; reading and deleting still work.", 0},
	// As over each limit of a tenant's, the status is 429. The time for Retry-After is long: the same request would most
	// likely be cancelled again at once, but it may pass when the server has less to do.
	{tenants.ErrStatementTime, 429, "tenant-statement-time", "Takes too long", "This takes longer than a statement of this tenant may take, and nothing was stored. Ask for less at once, or ask the operator for more time.", 30},
	{tenants.ErrBusy, 503, "busy", "Too busy", "Too much is going on at the moment. Try again.", 1},
	{tenants.ErrRetryable, 503, "busy", "Too busy", "Another request changed the same data at the same moment. Try again.", 1},
	{tenants.ErrClosed, 503, "unavailable", "Unavailable", "The service is restarting. Try again.", 5},
	{tenants.ErrUnavailable, 503, "unavailable", "Unavailable", "The database can't be reached at the moment. Try again later.", 5},
	{context.DeadlineExceeded, 503, "timeout", "Out of time", "This took too long. Try again.", 5},
	// Whatever it was, the handler passed over it, or could not see it.
	{tenants.ErrStatementFailed, 500, internal.Name, internal.Title, internal.Detail, 0},
	{tenants.ErrCommitFailed, 500, internal.Name, internal.Title, internal.Detail, 0},
	{ErrTenantBody, 413, "tenant-body", "Body is too large", "The body is larger than this tenant may send. Send less at once, or ask the operator for more.", 0},
	{ErrBodyTooLarge, 413, "body-too-large", "Body is too large", "The body is larger than is accepted here.", 0},
	{ErrBodyTooSlow, 408, "body-too-slow", "Body is too slow", "The body did not arrive in time. Try again over a faster connection, or send less at once.", 0},
	{ErrTooManyBodies, 503, "busy", "Too busy", "Too much is being uploaded at the moment. Try again.", 1},
	{ErrBodyUnreadable, 400, "malformed", "Malformed request", "The body broke off before its end.", 0},
}

// statementKinds lists the kinds of failed statements.
var statementKinds = []Kind{
	{gorm.ErrRecordNotFound, 404, "not-found", "Not found", "There is nothing with this id.", 0},
	{gorm.ErrDuplicatedKey, 409, "conflict", "Conflict", "There is one like this already.", 0},
	{gorm.ErrForeignKeyViolated, 409, "conflict", "Conflict", "What this refers to is not there, or what it removes is still referred to.", 0},
	{gorm.ErrCheckConstraintViolated, 422, "invalid", "Invalid request", "A value is not one that can be stored.", 0},
}

// internal is the kind of all unlisted errors.
var internal = Kind{
	Status: http.StatusInternalServerError, Name: "internal", Title: "Internal error",
	Detail: "Something went wrong. When you report it, include the request_id.",
}

// Problem returns the reply's body. It reveals nothing of the error itself.
func (k Kind) Problem() Problem {
	return Problem{Type: ProblemType + k.Name, Title: k.Title, Status: k.Status, Detail: k.Detail}
}

// WriteProblem answers with what the client may know about err, as application/problem+json. It
// does nothing if the reply has been written already. It takes the request's id from the
// reply's header X-Request-ID.
func WriteProblem(c *gin.Context, err error) {
	if c.Writer.Written() {
		return
	}
	k := KindOf(err, nil)
	if k.Retry > 0 {
		c.Header("Retry-After", strconv.Itoa(k.Retry))
	}
	p := k.Problem()
	p.RequestID = c.Writer.Header().Get("X-Request-ID")
	p.Write(c)
}

// Write sends the problem.
func (p Problem) Write(c *gin.Context) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number: only a broken program gets here
	}
	c.Data(p.Status, "application/problem+json", body)
}
