package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
)

// rollbackTime bounds a ROLLBACK. A connection on which it takes longer is
// closed, which has the server roll back too.
const rollbackTime = 2 * time.Second

// transaction is pgx' transaction, except that it ends under contexts of its
// own. pgx commits with the context given to BeginTx: a client that left would
// cancel a COMMIT that the server has carried out already.
type transaction struct {
	conn  *conn
	begun driver.Tx
}

var _ driver.Tx = transaction{}

// Commit returns nil when the server confirmed the commit, and
// tenants.ErrCommitUnknown when the COMMIT may have reached the server and its
// answer can't be had. After any other error nothing is stored.
func (t transaction) Commit() error {
	c := t.conn.Conn.Conn()
	switch {
	case c.IsClosed():
		return driver.ErrBadConn
	case c.PgConn().TxStatus() == 'I': // a statement ended it, which the scope should have refused
		t.conn.discard()
		return errors.Join(tenants.ErrCommitUnknown, tenants.ErrForbiddenStatement)
	}
	defer t.conn.clean()
	ctx, cancel := context.WithTimeout(context.Background(), tenants.CommitTime)
	defer cancel()
	tag, err := t.end(ctx, "commit")
	switch {
	case err == nil && tag.String() == "ROLLBACK":
		return pgx.ErrTxCommitRollback
	case err == nil || isRefusal(err):
		return err
	}
	// The cause is not wrapped: nothing of it may pass for a reason to try again.
	return fmt.Errorf("%w: %v", tenants.ErrCommitUnknown, err)
}

// Rollback undoes the transaction.
func (t transaction) Rollback() error {
	defer t.conn.clean()
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_, err := t.end(ctx, "rollback")
	return err
}

// end runs a statement that ends the transaction, and closes the connection
// when it is not known to have ended.
func (t transaction) end(ctx context.Context, statement string) (pgconn.CommandTag, error) {
	c := t.conn.Conn.Conn()
	tag, err := c.Exec(ctx, statement)
	if err != nil && c.PgConn().TxStatus() != 'I' {
		t.conn.discard()
	}
	return tag, err
}

// discard closes the connection at once.
func (c *conn) discard() {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel() // close without waiting for the server
	_ = c.Conn.Conn().Close(cancelled)
}

// isRefusal tells whether err, which COMMIT returned, says for certain that
// nothing was stored: COMMIT could not be written in full, or the server itself
// refused it. A server that is shut down or whose time-out is over says so only
// before it has committed. Other fatal errors may come from a pooler whose own
// connection broke, and PANIC from a server that could not complete its log.
// pgconn.SafeToRetry can't be asked: it is true of some broken reads, too.
func isRefusal(err error) bool {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Op == "write"
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.SeverityUnlocalized {
	case "ERROR":
		return true
	case "FATAL":
		return refused.Code == "57P01" || refused.Code[:min(2, len(refused.Code))] == "25"
	}
	return false
}
