package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/auth"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

// problem is an error with what operators are told of it.
type problem struct {
	status        int
	name          string // ends the problem's type
	title, detail string
	faults        []web.Fault
	err           error
}

// Error is the cause's.
func (p *problem) Error() string { return p.err.Error() }

// Unwrap is the cause.
func (p *problem) Unwrap() error { return p.err }

// invalid is a 422 about one field.
func invalid(err error, field, message string) *problem {
	return &problem{422, "invalid", "Invalid request", "Some values can't be accepted; errors says which and why.",
		[]web.Fault{{Field: field, Message: message}}, err}
}

// Invalid is an error about one field of a form, which Describe describes.
func Invalid(field, message string) error {
	return invalid(fmt.Errorf("%s %s", field, message), field, message)
}

// do adapts a route that returns its error, and declares the parameters that
// its query may hold, as handlers.Takes does. The errors which mean something
// else to operators than to a tenant's people are rendered here, the others by
// handlers.Problems.
func do(f func(c *gin.Context) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := handlers.CheckQuery(c, parameters...)
		if err == nil {
			err = f(c)
		}
		if err == nil {
			return
		}
		var own *problem
		explained := errors.As(explain(err), &own)
		if !explained || own.status >= http.StatusInternalServerError {
			_ = c.Error(err) // which is logged
			c.Abort()
		}
		if explained {
			refuse(c, own)
		}
	}
}

// explain gives errors their problem, where they have one here.
func explain(err error) error {
	var subdomain *tenants.SubdomainError
	var email *auth.EmailError
	var admin *AdminError
	var state *lifecycle.StateError
	var underWay *lifecycle.UnderWayError
	var reserved *lifecycle.ReservedError
	var host *tenants.HostError
	var schema *tenants.SchemaError
	var source *tenants.SourceError
	var filter *FilterError
	var explained *problem
	switch {
	case errors.As(err, &filter):
		return invalid(err, filter.Field, filter.Message)
	case errors.As(err, &explained):
		return err
	case errors.As(err, &underWay):
		return &problem{409, "under-way", "Operation under way", underWay.Error() + ".", nil, err}
	case errors.Is(err, lifecycle.ErrUnderWay):
		return &problem{409, "under-way", "Operation under way", "Another operation on this tenant has just begun.", nil, err}
	case errors.As(err, &reserved):
		return &problem{409, "conflict", "Conflict", reserved.Error() + ".", nil, err}
	case errors.As(err, &host):
		return invalid(err, "host", host.Rule)
	case errors.As(err, &schema):
		return invalid(err, "database_url", schema.Error())
	case errors.As(err, &source):
		return invalid(err, "database_url", source.Reason)
	case errors.Is(err, tenants.ErrNoDatabase):
		return &problem{409, "conflict", "Conflict", "The tenant's database is missing. See: tenantry doctor.", nil, err}
	case errors.Is(err, tenants.ErrForbidden):
		return &problem{503, "unavailable", "Unavailable",
			"The database server doesn't allow this to the user that Tenantry connects as. The log says what is denied; grant that, and try again.", nil, err}
	case errors.Is(err, lifecycle.ErrHostTaken), errors.Is(err, lifecycle.ErrRemoved):
		return &problem{409, "conflict", "Conflict", err.Error() + ".", nil, err}
	case errors.Is(err, lifecycle.ErrUnknownDomain):
		return &problem{404, "not-found", "Not found", "The tenant has no such domain.", nil, err}
	case errors.As(err, &state):
		return &problem{409, "conflict", "Conflict", "The tenant is " + string(state.State) + " and can't become " + string(state.Want) + ".", nil, err}
	case errors.As(err, &admin):
		return &problem{500, "admin-not-invited", "Admin was not invited",
			"The tenant was created, but its admin was not invited: the log says why. Try again with: tenantry tenant admin.", nil, err}
	case errors.As(err, &subdomain):
		return invalid(err, "subdomain", subdomain.Rule)
	case errors.As(err, &email):
		return invalid(err, "admin_email", email.Rule)
	case errors.Is(err, lifecycle.ErrInvalidName):
		return invalid(err, "name", strings.TrimPrefix(lifecycle.ErrInvalidName.Error(), "name "))
	case errors.Is(err, lifecycle.ErrExists):
		return &problem{409, "conflict", "Conflict", "A tenant has this subdomain already.", nil, err}
	case errors.Is(err, tenants.ErrUnknownTenant):
		return &problem{404, "not-found", "Not found", "There is no tenant with this subdomain.", nil, err}
	}
	return err
}

// Describe is what an operator may know of an error, for a page that shows it.
func Describe(c *gin.Context, err error) web.Problem {
	var own *problem
	if errors.As(explain(err), &own) {
		return own.document(c)
	}
	return handlers.Describe(c, err)
}

func (p *problem) document(c *gin.Context) web.Problem {
	return web.Problem{
		Type: web.ProblemType + p.name, Title: p.title, Status: p.status, Detail: p.detail,
		RequestID: handlers.RequestID(c), Errors: p.faults,
	}
}

// refuse ends the request with the problem.
func refuse(c *gin.Context, p *problem) {
	c.Abort()
	body, impossible := json.Marshal(p.document(c))
	if impossible != nil {
		panic(impossible) // strings and a number: only a broken program gets here
	}
	c.Data(p.status, "application/problem+json", body)
}
