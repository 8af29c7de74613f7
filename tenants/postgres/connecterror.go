package postgres

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectError is pgx' in one line: where, and why not.
type connectError struct {
	address, reason string
	cause           error
}

// Error tells nothing of the password, which pgx' error does not hold either.
func (e *connectError) Error() string { return fmt.Sprintf("connect to %s: %s", e.address, e.reason) }

// Unwrap is pgx' error.
func (e *connectError) Unwrap() error { return e.cause }

// shorten makes an error of connecting readable, and leaves others alone.
func shorten(server *pgx.ConnConfig, err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	return &connectError{net.JoinHostPort(server.Host, fmt.Sprint(server.Port)), reasonOf(err), err}
}

// reasonOf is what the server or the network said. pgx says it once for each
// address that it tried.
func reasonOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Error()
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Err != nil {
		return network.Err.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
