package operator

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/visits"
)

// do adapts a handler that returns an error. parameters are those that the query
// may contain, as in request.Takes.
func do(f func(c *gin.Context) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := request.CheckQuery(c, parameters...)
		if err == nil {
			err = f(c)
		}
		if err != nil {
			problem.Fail(c, Explain(err))
		}
	}
}

// Explain returns an error of package problem with the details of err that only
// operators may know. It returns err if there are none.
func Explain(err error) error {
	for _, explain := range []func(error) error{explainFields, explainConflicts, explainFailures} {
		if explained := explain(err); explained != nil {
			return explained
		}
	}
	return err
}

// explainFields explains errors about one field of the request.
func explainFields(err error) error {
	var (
		filter    *lifecycle.FilterError
		host      *tenants.HostError
		schema    *tenants.SchemaError
		source    *tenants.SourceError
		subdomain *tenants.SubdomainError
		email     *auth.EmailError
		unknown   *fleet.UnknownError
		limit     *lifecycle.BadLimitError
		server    *tenants.ServerError
		closing   *lifecycle.BadMaintenanceError
		settings  *tenants.SettingsError
		invalid   *operators.InvalidError
		reason    *visits.ReasonError
	)
	switch {
	case errors.As(err, &reason):
		return problem.InvalidField("reason", reason.Rule)
	case errors.Is(err, visits.ErrUnknownPerson):
		return problem.InvalidField("user", "must be the e-mail address of one of the tenant's people")
	case errors.As(err, &settings):
		return explainSettings("", err)
	case errors.As(err, &invalid):
		return problem.InvalidField(invalid.Field, invalid.Rule)
	case errors.As(err, &closing):
		return problem.InvalidField(closing.Field, closing.Message)
	case errors.As(err, &server):
		return problem.InvalidField(server.Field, server.Rule)
	case errors.Is(err, lifecycle.ErrServerURL):
		return problem.InvalidField("url", strings.TrimPrefix(lifecycle.ErrServerURL.Error(), "the URL "))
	case errors.As(err, &unknown):
		return problem.InvalidField(unknown.Field, "names tenants that don't exist: "+strings.Join(unknown.Subdomains, ", "))
	case errors.As(err, &filter):
		return problem.InvalidField(filter.Field, filter.Message)
	case errors.As(err, &host):
		return problem.InvalidField("host", host.Rule)
	case errors.As(err, &schema):
		return problem.InvalidField("database_url", schema.Error())
	case errors.As(err, &source):
		return problem.InvalidField("database_url", source.Reason)
	case errors.As(err, &subdomain):
		return problem.InvalidField("subdomain", subdomain.Rule)
	case errors.As(err, &email):
		return problem.InvalidField("admin_email", email.Rule)
	case errors.As(err, &limit):
		return problem.InvalidField(string(limit.Limit), limit.Message)
	case errors.Is(err, lifecycle.ErrInvalidName):
		return problem.InvalidField("name", strings.TrimPrefix(lifecycle.ErrInvalidName.Error(), "name "))
	}
	return nil
}

// explainConflicts explains errors about the state of a tenant.
func explainConflicts(err error) error {
	var (
		underWay *lifecycle.UnderWayError
		reserved *lifecycle.ReservedError
		state    *lifecycle.StateError
		running  *fleet.RunningError
		stopped  *fleet.StoppedError
		placed   *lifecycle.PlacementError
		veto     *lifecycle.VetoError
		leased   *tenants.LeasedError
	)
	switch {
	case errors.As(err, &leased):
		return problem.Conflict(sentence(leased.Error()) + " Try again when they have ended.")
	case errors.Is(err, visits.ErrNotActive):
		return problem.Conflict("Only a tenant that is active can be entered.")
	case errors.Is(err, operators.ErrExists):
		return problem.Conflict("An operator has this name already.")
	case errors.Is(err, operators.ErrTooMany):
		return problem.Conflict(sentence(operators.ErrTooMany.Error()))
	case errors.As(err, &veto):
		return problem.Conflict(sentence(veto.Error()))
	case errors.As(err, &placed), errors.Is(err, lifecycle.ErrServerExists), errors.Is(err, lifecycle.ErrServerInUse),
		errors.Is(err, lifecycle.ErrDefaultServer), errors.Is(err, lifecycle.ErrSameServer), errors.Is(err, lifecycle.ErrNotSwappable):
		return problem.Conflict(sentence(err.Error()))
	case errors.Is(err, tenants.ErrOlderBuild):
		return problem.Conflict(sentence(err.Error()) + " Stop it first, or migrate with tenantry migrate up --despite-older-builds: it answers 503 for migrated tenants then.")
	case errors.As(err, &running):
		return problem.New(problem.ErrUnderWay, "A "+running.Error()+".")
	case errors.As(err, &stopped):
		return problem.Conflict("A " + stopped.Error() + ". Resume it, or abandon it to begin another.")
	case errors.Is(err, fleet.ErrNoCopies), errors.Is(err, tenants.ErrNoCopy), errors.Is(err, lifecycle.ErrAccepted):
		return problem.Conflict(sentence(err.Error()) + " Undo the migrations with tenantry migrate down, or restore a backup.")
	case errors.Is(err, fleet.ErrNothingToResume):
		return problem.Conflict("There is no migration run to resume, to stop or to abandon.")
	case errors.As(err, &underWay):
		return problem.New(problem.ErrUnderWay, underWay.Error()+".")
	case errors.Is(err, lifecycle.ErrUnderWay):
		return problem.ErrUnderWay
	case errors.As(err, &reserved):
		return problem.Conflict(reserved.Error() + ".")
	case errors.Is(err, tenants.ErrNoDatabase):
		return problem.Conflict("The tenant's database is missing. See: tenantry doctor.")
	case errors.Is(err, lifecycle.ErrHostTaken), errors.Is(err, lifecycle.ErrRemoved):
		return problem.Conflict(err.Error() + ".")
	case errors.As(err, &state):
		return problem.Conflict("The tenant is " + string(state.State) + " and can't become " + string(state.Want) + ".")
	case errors.Is(err, lifecycle.ErrNotCopied), errors.Is(err, backup.ErrNotConfigured), errors.Is(err, backup.ErrNoBackup),
		errors.Is(err, backup.ErrDamaged), errors.Is(err, backup.ErrOtherEngine):
		return problem.Conflict(sentence(err.Error()))
	case errors.Is(err, bucket.ErrUnavailable):
		return problem.Caused(fmt.Errorf("%w: the backups' storage", tenants.ErrUnavailable), err)
	case errors.Is(err, lifecycle.ErrExists):
		return problem.Conflict("A tenant has this subdomain already.")
	}
	return nil
}

// sentence returns an error's text as a sentence.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// explainFailures explains errors about what could not be done or found.
func explainFailures(err error) error {
	var room *tenants.RoomError
	var silent *tenants.SilentError
	switch {
	case errors.As(err, &silent):
		return problem.New(tenants.ErrUnavailable, sentence(silent.Error())+" It is stopped or busy, or runs an older build. Try again.")
	case errors.Is(err, lifecycle.ErrTooManyFollowers):
		return problem.New(tenants.ErrBusy, "As many follow the ledger as may. End another stream, or try again later.")
	case errors.Is(err, visits.ErrNotAllowed):
		return problem.New(problem.ErrForbidden, sentence(visits.ErrNotAllowed.Error()))
	case errors.As(err, &room):
		return problem.New(tenants.ErrFull, sentence(room.Error()))
	case errors.Is(err, lifecycle.ErrAdminNotAdded):
		return problem.Caused(problem.ErrAdminNotInvited, err)
	case errors.Is(err, tenants.ErrForbidden):
		return problem.Caused(problem.ErrServerForbids, err)
	case errors.Is(err, operators.ErrUnknown):
		return problem.New(problem.ErrNotFound, "There is no operator with this name.")
	case errors.Is(err, operators.ErrUnknownToken):
		return problem.New(problem.ErrNotFound, "The operator has no token with this id.")
	case errors.Is(err, lifecycle.ErrUnknownDomain):
		return problem.New(problem.ErrNotFound, "The tenant has no such domain.")
	case errors.Is(err, lifecycle.ErrUnknownServer):
		return problem.New(problem.ErrNotFound, "There is no server with this name.")
	case errors.Is(err, fleet.ErrUnknownRun):
		return problem.New(problem.ErrNotFound, "There is no migration run with this id.")
	case errors.Is(err, tenants.ErrNoHandle):
		return problem.New(problem.ErrNotFound, sentence(tenants.ErrNoHandle.Error()))
	case errors.Is(err, tenants.ErrUnknownTenant):
		return problem.New(problem.ErrNotFound, "There is no tenant with this subdomain.")
	}
	return nil
}
