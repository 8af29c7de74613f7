package postgres

import (
	"context"
	"errors"
	"reflect"

	"github.com/jackc/pgx/v5/pgconn"
)

// errStandby means that the server repeats what another one writes, and refuses writes.
var errStandby = errors.New("the server is a standby and refuses writes; promote it, or name the primary in the URL")

// wantsStandby reports whether a URL's target_session_attrs, which the check of connections implements, asks for a
// standby.
func wantsStandby(check pgconn.ValidateConnectFunc) bool {
	given := reflect.ValueOf(check).Pointer() // functions can't be compared
	for _, refused := range []pgconn.ValidateConnectFunc{
		pgconn.ValidateConnectTargetSessionAttrsStandby, pgconn.ValidateConnectTargetSessionAttrsReadOnly,
		pgconn.ValidateConnectTargetSessionAttrsPreferStandby,
	} {
		if given == reflect.ValueOf(refused).Pointer() {
			return true
		}
	}
	return false
}

// refuseStandby has pgx close a new connection to a standby, and try the next host of the URL. Servers report that
// they are standbys as the session begins, so it costs no round trip. Servers before Postgres 14 don't report it.
// No session outlives its server's demotion, which takes a restart.
func refuseStandby(_ context.Context, conn *pgconn.PgConn) error {
	if conn.ParameterStatus("in_hot_standby") == "on" {
		return errStandby
	}
	return nil
}
