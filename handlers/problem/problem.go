package problem

import (
	"context"
	"errors"

	"tenantry/tenants/files"
	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// The errors of the application, for errors.Is. Those of the engine are in
// package tenants, and those of a request's body in package web.
var (
	// ErrMalformed: the query or the body could not be parsed.
	ErrMalformed = errors.New("request is malformed")
	// ErrMediaType: the body is of a media type that the route doesn't take.
	ErrMediaType = errors.New("media type is not supported")
	// ErrInvalid: some values can't be accepted.
	ErrInvalid = errors.New("request is invalid")
	// ErrConflict: the request conflicts with what is stored.
	ErrConflict = errors.New("request conflicts with what is stored")
	// ErrStale: the stored version differs from the one that the request changes.
	ErrStale = errors.New("another version is stored")
	// ErrUnauthenticated: the request carries no valid credential.
	ErrUnauthenticated = errors.New("no valid credential")
	// ErrWrongPassword: no account has this address with this password.
	ErrWrongPassword = errors.New("wrong address or password")
	// ErrForbidden: the user may not do this.
	ErrForbidden = errors.New("user may not do this")
	// ErrOutOfReach: an operator on a visit may not do this.
	ErrOutOfReach = errors.New("operator may not do this on a visit")
	// ErrCrossOrigin: the request comes from a page of another origin.
	ErrCrossOrigin = errors.New("request comes from another origin")
	// ErrTooManyTries: there were too many tries to sign in.
	ErrTooManyTries = errors.New("too many tries")
	// ErrMisdirected: the request is for a host that this listener doesn't serve.
	ErrMisdirected = errors.New("request is for another host")

	// ErrNotFound: there is nothing at this path.
	ErrNotFound = errors.New("nothing is at this path")
	// ErrRange: the part of a file that is asked for is none, or lies behind its end.
	ErrRange = errors.New("range can't be sent")
	// ErrMethod: the path doesn't take the method.
	ErrMethod = errors.New("method is not allowed here")

	// ErrUnderWay: another operation works on the tenant.
	ErrUnderWay = errors.New("another operation is under way")
	// ErrServerForbids: the database server doesn't let our user do what is needed.
	ErrServerForbids = errors.New("database server forbids this")
	// ErrAdminNotInvited is returned where an admin could not be added to a tenant.
	ErrAdminNotInvited = errors.New("admin was not invited")
)

// kinds is the table of the application's errors. The engine's errors and those of
// failed statements are in the table of package web. The first line that matches counts.
var kinds = []web.Kind{
	{Err: ErrMalformed, Status: 400, Name: "malformed", Title: "Malformed request", Detail: "The body could not be read."},
	{Err: ErrMediaType, Status: 415, Name: "unsupported-media-type", Title: "Unsupported media type", Detail: "The body is of a type that is not accepted here."},
	{Err: ErrInvalid, Status: 422, Name: "invalid", Title: "Invalid request", Detail: "Some values can't be accepted; errors says which and why."},
	{Err: ErrStale, Status: 409, Name: "conflict", Title: "Conflict", Detail: "This has been changed in the meantime. Read it again, and send its current version."},
	{Err: ErrConflict, Status: 409, Name: "conflict", Title: "Conflict", Detail: "This conflicts with what is stored."},
	{Err: ErrUnauthenticated, Status: 401, Name: "unauthenticated", Title: "Not signed in", Detail: "This needs a valid session or API token of this tenant."},
	{Err: ErrWrongPassword, Status: 401, Name: "wrong-password", Title: "Wrong address or password", Detail: "No account has this e-mail address with this password."},
	{Err: ErrForbidden, Status: 403, Name: "forbidden", Title: "Not allowed", Detail: "Only admins may do this."},
	{Err: ErrOutOfReach, Status: 403, Name: "out-of-reach", Title: "Out of reach", Detail: "On a visit passwords, addresses, API tokens, sessions, invitations, roles and exports are out of reach."},
	{Err: ErrCrossOrigin, Status: 403, Name: "cross-origin", Title: "Request from elsewhere", Detail: "This request comes from a page of another origin."},
	{Err: ErrTooManyTries, Status: 429, Name: "too-many-tries", Title: "Too many tries", Detail: "There were too many tries to sign in. Wait for as long as Retry-After says."},
	{Err: ErrMisdirected, Status: 421, Name: "misdirected", Title: "Another host", Detail: "The operator's listener is not reached by this host name. TENANTRY_OPERATOR_HOSTS adds names."},
	{Err: ErrNotFound, Status: 404, Name: "not-found", Title: "Not found", Detail: "There is nothing at this path."},
	{Err: ErrRange, Status: 416, Name: "range-not-satisfiable", Title: "Range can't be sent", Detail: "The part that Range asks for can't be sent; Content-Range says how long the file is."},
	{Err: ErrMethod, Status: 405, Name: "method-not-allowed", Title: "Method not allowed", Detail: "This path does not take this method; Allow says which it takes."},

	{Err: files.ErrTooLarge, Status: 413, Name: "file-too-large", Title: "File is too large", Detail: "The file is larger than a file may be here."},
	{Err: files.ErrFull, Status: 507, Name: "files-full", Title: "No room for more files", Detail: "The files of this tenant take all the room that they may. Delete what is no longer needed, or ask the operator for more."},
	{Err: files.ErrBusy, Status: 503, Name: "busy", Title: "Too busy", Detail: "Too many files are being uploaded at the moment. Try again.", Retry: 5},
	{Err: files.ErrLost, Status: 410, Name: "file-lost", Title: "File is lost", Detail: "What was in this file is gone. Attach it again, or ask the operator whether a backup has it."},

	{Err: ErrUnderWay, Status: 409, Name: "under-way", Title: "Operation under way", Detail: "Another operation on this tenant has just begun."},
	{Err: ErrServerForbids, Status: 503, Name: "unavailable", Title: "Unavailable", Detail: "The database server doesn't allow this to the user that Tenantry connects as. The log says what is denied; grant that, and try again."},
	{Err: ErrAdminNotInvited, Status: 500, Name: "admin-not-invited", Title: "Admin was not invited", Detail: "The admin could not be added. A tenant that was to be created with this admin was not created. The log says why; fix that, then try again."},
}

// clientGone is the kind of cancelled requests. The reply is not read; the
// status, which nginx uses too, is for the log.
var clientGone = web.Kind{Status: 499, Name: "client-closed-request", Title: "Client closed request", Detail: "The client did not wait for the answer."}

// kindOf looks err up in the tables. A cancellation that did not come from the
// client is an internal error: a refused statement shows as one (tenants, QueryRow).
func kindOf(c *gin.Context, err error) web.Kind {
	if errors.Is(err, context.Canceled) && errors.Is(c.Request.Context().Err(), context.Canceled) {
		return clientGone
	}
	return web.KindOf(err, kinds)
}
