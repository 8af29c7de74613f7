package tenants

import (
	"errors"
	"fmt"
)

// errStale means that the tenant was read before an operation marked it. Its state may have changed
// since.
var errStale = errors.New("tenant has changed since it was looked up")

// Errors returned by scopes and look-ups, for errors.Is. A failed statement's error also matches
// gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated or gorm.ErrCheckConstraintViolated, on both engines
// and even if the violation was found at COMMIT.
var (
	// ErrUnknownTenant means that no tenant is served at the host. It doesn't distinguish between
	// hosts that are malformed, reserved or unknown, and tenants that are archived or incomplete.
	ErrUnknownTenant = errors.New("unknown tenant")
	// ErrSuspended means that an operator suspended the tenant.
	ErrSuspended = errors.New("tenant is suspended")
	// ErrMaintenance means that an operation works on the tenant, which will be served again.
	ErrMaintenance = errors.New("tenant is under maintenance")
	// ErrUnavailable means that the tenant's database or the master can't be reached or is not what
	// it should be. Nothing was changed.
	ErrUnavailable = errors.New("database is unavailable")
	// ErrNoDatabase means that the tenant's database is neither in use nor in the trash. It comes
	// together with ErrUnavailable.
	ErrNoDatabase = errors.New("there is no database")
	// ErrServerDown means that a tenant's server doesn't answer. It matches ErrUnavailable.
	ErrServerDown = fmt.Errorf("the database server doesn't answer: %w", ErrUnavailable)
	// ErrForbidden means that the server denies the engine's user what was asked for. It comes
	// together with ErrUnavailable.
	ErrForbidden = errors.New("the database server denies this to the user that the engine connects as")
	// ErrNoMaster means that a master database was required and there is none.
	ErrNoMaster = errors.New("there is no master database")
	// ErrBusy means that all handles were in use for as long as the caller could wait.
	ErrBusy = errors.New("all database handles are in use")
	// ErrClosed means that the store is closing or closed.
	ErrClosed = errors.New("store is closed")

	// ErrStatementFailed means that a statement in the scope failed but the scope's function
	// returned nil. The scope was rolled back.
	ErrStatementFailed = errors.New("a statement in the scope failed")
	// ErrCommitFailed means that COMMIT failed, for example because of a deferred constraint, and
	// nothing was stored. The error wraps the cause, too.
	ErrCommitFailed = errors.New("commit failed")
	// ErrCommitUnknown means that the connection broke, or CommitTime ran out, during COMMIT: either
	// all of the scope's changes are stored or none. No hooks ran. Read what is stored before
	// running the scope again.
	ErrCommitUnknown = errors.New("it is unknown whether the change was stored")
	// ErrForbiddenStatement means that the scope refused a statement: raw SQL that would end the
	// transaction (BEGIN, COMMIT, ROLLBACK, END) or act outside of it (ATTACH, DETACH, PRAGMA,
	// VACUUM, COPY), several statements at once, SET TRANSACTION in a View, or gorm's Commit before
	// the scope's function returned.
	ErrForbiddenStatement = errors.New("statement is not allowed in a scope")
	// ErrScopeOver means that a *gorm.DB was used after its scope, such as in a goroutine that the scope's function didn't
	// wait for. Nothing was done.
	ErrScopeOver = errors.New("the scope of this transaction is over; begin another, or use AfterCommit")
	// ErrReadingOnly means that a scope that writes was begun with a context of WithReadingOnly.
	ErrReadingOnly = errors.New("only reading is allowed")
	// ErrReadOnly means that a statement tried to write in a View.
	ErrReadOnly = errors.New("scope is read-only")
	// ErrRetryable means a deadlock, a lock timeout or a serialization failure. The scope was rolled
	// back; running it again may succeed.
	ErrRetryable = errors.New("transaction conflict")
	// ErrFull means that the disk or the tenant is full. For a full tenant it comes as ErrTenantFull.
	ErrFull = errors.New("no room left")
	// ErrTenantFull means that the tenant's database has reached its limit on the size.
	ErrTenantFull = fmt.Errorf("tenant is full: %w", ErrFull)
)

// RoomError means that a copy of a database has no room on a disk. It wraps ErrFull.
type RoomError struct {
	// Where describes the disk.
	Where string
	// Need is about how many bytes the copy has, Free how many are free, and Kept how many of these stay free.
	Need, Free, Kept int64
}

// Error says how much room there is.
func (e *RoomError) Error() string {
	kept := ""
	if e.Kept > 0 {
		kept = fmt.Sprintf(", of which %s stay free", mebibytes(e.Kept))
	}
	return fmt.Sprintf("%v: the copy needs about %s, and %s has %s free%s", ErrFull, mebibytes(e.Need), e.Where, mebibytes(e.Free), kept)
}

// Unwrap returns ErrFull.
func (e *RoomError) Unwrap() error { return ErrFull }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// MovedError means that the tenant at this subdomain was renamed and its operator wants requests to
// be redirected. It matches ErrUnknownTenant, for callers that don't redirect.
type MovedError struct {
	// Subdomain is the tenant's new subdomain.
	Subdomain string
}

// Error names the new subdomain.
func (e *MovedError) Error() string { return fmt.Sprintf("tenant has moved to %q", e.Subdomain) }

// Unwrap returns ErrUnknownTenant.
func (e *MovedError) Unwrap() error { return ErrUnknownTenant }
