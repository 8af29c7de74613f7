package postgres

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectError is pgx' in one line: where, and why not.
type connectError struct {
	address, reason string
	causes          []error
}

// Error tells nothing of the password, which pgx' error does not hold either.
func (e *connectError) Error() string { return fmt.Sprintf("connect to %s: %s", e.address, e.reason) }

// Unwrap is pgx' error, and a *URLError where that is to blame.
func (e *connectError) Unwrap() []error { return e.causes }

// shorten makes an error of connecting readable, and leaves others alone.
func shorten(server *pgx.ConnConfig, err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	short := &connectError{addressOf(server), reasonOf(err), []error{err}}
	switch stateOf(err) {
	case "42704", "22023": // undefined_object, invalid_parameter_value
		short.reason = "the URL sets a parameter that the server doesn't have, or to a value that it doesn't take"
		short.causes = append(short.causes, &URLError{"it sets a parameter that the server doesn't have, or to a value that it doesn't take"})
	}
	return short
}

// addressOf is each host and port, or socket's folder, of a server.
func addressOf(server *pgx.ConnConfig) string {
	var addresses []string
	for _, at := range hostsOf(server) {
		address := at.Host
		if !strings.HasPrefix(address, "/") {
			address = net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
		}
		addresses = append(addresses, address)
	}
	return strings.Join(addresses, ",")
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
