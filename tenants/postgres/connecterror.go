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

// connectError is pgx's error in one line: the address and the reason.
type connectError struct {
	address, reason string
	causes          []error
}

// Error returns the address and the reason. pgx's error contains no password, so neither does this one.
func (e *connectError) Error() string { return fmt.Sprintf("connect to %s: %s", e.address, e.reason) }

// Unwrap returns pgx's error, and a *URLError if the URL is to blame.
func (e *connectError) Unwrap() []error { return e.causes }

// shorten makes an error of connecting readable. It leaves others alone.
func shorten(server *pgx.ConnConfig, err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	short := &connectError{addressOf(server), reasonOf(err), []error{err}}
	switch stateOf(err) {
	case codeUndefinedObject, codeInvalidValue:
		short.reason = "the URL sets a parameter that the server doesn't have, or to a value that it doesn't accept"
		short.causes = append(short.causes, &URLError{"it sets a parameter that the server doesn't have, or to a value that it doesn't accept"})
	}
	return short
}

// addressOf returns each host and port, or the folder of each socket, of a server.
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

// reasonOf returns what the server or the network reported, once. pgx repeats it for each address that
// it tried.
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
