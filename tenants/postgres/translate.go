package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// dialector is gorm's dialector with a translation of errors that keeps the cause.
type dialector struct{ *postgres.Dialector }

var (
	_ gorm.ErrorTranslator               = dialector{}
	_ gorm.SavePointerDialectorInterface = dialector{}
)

// noPool is a connection pool that gorm requires but doesn't use.
type noPool struct{ gorm.ConnPool }

func newDialector() gorm.Dialector {
	return dialector{&postgres.Dialector{Config: &postgres.Config{Conn: noPool{}}}}
}

// Translate wraps err with the gorm or tenants error that it stands for.
func (dialector) Translate(err error) error { return translate(err) }

func translate(err error) error {
	if sentinel := sentinelOf(err); sentinel != nil && !errors.Is(err, sentinel) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}

// asProvisioner is translate for statements of the provisioner. A missing privilege is not the caller's
// fault, and an administrator can grant it.
func asProvisioner(err error) error {
	if stateOf(err) == codeForbidden && !errors.Is(err, tenants.ErrForbidden) && !errors.Is(err, errPowers) {
		return fmt.Errorf("%w: %w: %w", tenants.ErrUnavailable, tenants.ErrForbidden, err)
	}
	return translate(err)
}

// unavailable wraps an error of opening a database with ErrUnavailable, or ErrServerDown, unless the context was
// cancelled or there was no connection to spare.
func unavailable(err error) error {
	switch {
	case errors.Is(err, tenants.ErrBusy), errors.Is(err, tenants.ErrSchemaVersion), errors.Is(err, context.Canceled), errors.Is(err, tenants.ErrServerDown):
		return err
	case isSilent(err):
		return fmt.Errorf("%w: %w", tenants.ErrServerDown, err)
	case errors.Is(err, tenants.ErrUnavailable):
		return err
	}
	return fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
}

// isSilent reports whether the server could not be reached, or doesn't work yet or any more. Another refusal is an
// answer.
func isSilent(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code == "57P01" || refused.Code == "57P02" || refused.Code == "57P03"
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting)
}

// sentinelOf returns the gorm or tenants error that err stands for, or nil.
func sentinelOf(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &refused):
		return sentinelOfState(refused.Code)
	case isDisconnect(err):
		return tenants.ErrUnavailable
	}
	return nil
}

// sentinelOfState returns the error that a SQLSTATE stands for, or nil. See
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func sentinelOfState(state string) error {
	switch state {
	case codeUniqueViolation:
		return gorm.ErrDuplicatedKey
	case "23503": // foreign_key_violation
		return gorm.ErrForeignKeyViolated
	case "23514", "23502": // check_violation, not_null_violation
		return gorm.ErrCheckConstraintViolated
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return tenants.ErrRetryable
	case "53100": // disk_full
		return tenants.ErrFull
	case codeReadOnly:
		return tenants.ErrReadOnly
	case codeNoConnections, // too_many_connections
		"57P01", "57P02", "57P03", // admin_shutdown, crash_shutdown, cannot_connect_now
		"57P04", "57P05", "25P03", // database_dropped, idle_session_timeout, idle_in_transaction_session_timeout
		codeUnknownDatabase,
		"XX001", "XX002": // data_corrupted, index_corrupted
		return tenants.ErrUnavailable
	}
	switch state[:min(2, len(state))] {
	case "08", "28", "58": // connection_exception, invalid_authorization_specification, system_error
		return tenants.ErrUnavailable
	}
	return nil
}

// isDisconnect reports whether err means that there is no connection, or no longer one. A statement that
// exceeded its deadline doesn't mean that.
func isDisconnect(err error) bool {
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network *net.OpError
	return errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}
