package tenants

import (
	"errors"
	"fmt"
)

// errStale: the tenant was read before an operation marked it, and may be in
// another state by now.
var errStale = errors.New("tenant has changed since it was looked up")

// The errors that scopes and look-ups return, for errors.Is.
// A failed statement additionally matches gorm.ErrDuplicatedKey,
// gorm.ErrForeignKeyViolated or gorm.ErrCheckConstraintViolated, on both
// engines and also when the violation came up at COMMIT.
var (
	// ErrUnknownTenant: no tenant is served at the host. Malformed, reserved,
	// unknown, archived and half-made ones are not told apart.
	ErrUnknownTenant = errors.New("unknown tenant")
	// ErrSuspended: the tenant was suspended by an operator.
	ErrSuspended = errors.New("tenant is suspended")
	// ErrMaintenance: the engine works on the tenant; it will be back.
	ErrMaintenance = errors.New("tenant is under maintenance")
	// ErrUnavailable: the tenant's database, or the master, can't be reached
	// or is not what it should be. Nothing was changed.
	ErrUnavailable = errors.New("database is unavailable")
	// ErrNoDatabase, beside ErrUnavailable: the tenant's database is neither in
	// use nor in the trash.
	ErrNoDatabase = errors.New("there is no database")
	// ErrForbidden, beside ErrUnavailable: the server doesn't allow what was
	// asked for to the user that the engine connects as.
	ErrForbidden = errors.New("the server doesn't allow this to Tenantry's own user")
	// ErrNoMaster: there is no master database where one had to be.
	ErrNoMaster = errors.New("there is no master database")
	// ErrBusy: all handles were in use for as long as the caller could wait.
	ErrBusy = errors.New("all database handles are in use")
	// ErrClosed: the store is closing or closed.
	ErrClosed = errors.New("store is closed")

	// ErrStatementFailed: a statement in the scope failed and its error was
	// swallowed; the scope was rolled back.
	ErrStatementFailed = errors.New("a statement in the scope failed")
	// ErrCommitFailed: COMMIT itself failed, for example over a deferred
	// constraint, and nothing was stored. The cause is wrapped beside it.
	ErrCommitFailed = errors.New("commit failed")
	// ErrCommitUnknown: the connection broke, or CommitTime ran out, while COMMIT
	// was under way: the scope's changes are stored, or none of them is. Neither
	// kind of hook ran. Read what is stored before running the scope again.
	ErrCommitUnknown = errors.New("it is unknown whether the change was stored")
	// ErrForbiddenStatement: raw SQL that would end the transaction (BEGIN, COMMIT,
	// ROLLBACK, END) or reach past it (ATTACH, DETACH, PRAGMA, VACUUM, COPY) was
	// refused, or several statements at once, or SET TRANSACTION in a View, or
	// gorm's Commit before the scope's function has returned.
	ErrForbiddenStatement = errors.New("statement is not allowed in a scope")
	// ErrReadOnly: a statement tried to write in a View.
	ErrReadOnly = errors.New("scope is read-only")
	// ErrRetryable: a deadlock, lock time-out or serialization failure. The
	// scope was rolled back and may succeed when it is run again.
	ErrRetryable = errors.New("transaction conflict")
	// ErrFull: the disk or the tenant is full. A full tenant is ErrTenantFull too.
	ErrFull = errors.New("no room left")
	// ErrTenantFull: the tenant's database takes all that Options.MaxSize gives it.
	ErrTenantFull = fmt.Errorf("tenant is full: %w", ErrFull)
)

// MovedError: the tenant that was at this subdomain has another one, and its
// operator has requests sent on. It matches ErrUnknownTenant, for those who
// don't.
type MovedError struct {
	// Subdomain is the new one.
	Subdomain string
}

// Error names the new subdomain.
func (e *MovedError) Error() string { return fmt.Sprintf("tenant has moved to %q", e.Subdomain) }

// Unwrap is ErrUnknownTenant.
func (e *MovedError) Unwrap() error { return ErrUnknownTenant }
