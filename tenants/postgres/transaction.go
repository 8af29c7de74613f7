package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
)

// rollbackTime limits a ROLLBACK. A connection on which it takes longer is closed, which makes the server
// roll back too.
const rollbackTime = 2 * time.Second

// transaction is pgx's transaction, except that it ends under contexts of its own. pgx commits with the
// context given to BeginTx, so a client that left could cancel a COMMIT that the server has already
// carried out.
type transaction struct {
	conn  *conn
	begun driver.Tx
}

var _ driver.Tx = transaction{}

// Commit returns nil if the server confirmed the commit. Returns tenants.ErrCommitUnknown if the COMMIT may
// have reached the server and its answer was lost. After any other error nothing is stored.
func (t transaction) Commit() error {
	c := t.conn.Conn.Conn()
	switch {
	case c.IsClosed():
		return driver.ErrBadConn
	case c.PgConn().TxStatus() == 'I': // a statement that the scope should have refused has ended it
		t.conn.discard()
		return errors.Join(tenants.ErrCommitUnknown, tenants.ErrForbiddenStatement)
	}
	defer t.conn.clean()
	ctx, cancel := context.WithTimeout(context.Background(), tenants.CommitTime)
	defer cancel()
	if err := t.conn.stray(); err != nil {
		return err
	}
	tag, err := t.end(ctx, t.conn.commitText())
	switch {
	case err == nil && tag.String() == "ROLLBACK":
		return pgx.ErrTxCommitRollback
	case t.conn.role != "" && stateOf(err) == codeDivisionByZero:
		return fmt.Errorf("%w: the transaction has another role than it began with", tenants.ErrForbiddenStatement)
	case err == nil || isRefusal(err):
		return err
	}
	// The cause is not wrapped, so that nobody takes it for a reason to try again.
	return fmt.Errorf("%w: %v", tenants.ErrCommitUnknown, err)
}

// commitText returns the statements that commit. In a shared database the first one fails, and with it the transaction,
// unless the session still has the tenant's role.
func (c *conn) commitText() string {
	if c.role == "" {
		return "commit"
	}
	return "select 1 / (current_user = '" + strings.ReplaceAll(c.role, "'", "''") + "')::int; commit"
}

// Rollback undoes the transaction.
func (t transaction) Rollback() error {
	defer t.conn.clean()
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_, err := t.end(ctx, "rollback")
	return err
}

// end runs a statement that ends the transaction, possibly after another one. It closes the connection unless the
// transaction is known to have ended.
func (t transaction) end(ctx context.Context, statement string) (tag pgconn.CommandTag, err error) {
	c := t.conn.Conn.Conn().PgConn()
	results, err := c.Exec(ctx, statement).ReadAll()
	if err != nil && c.TxStatus() != 'I' {
		t.conn.discard()
	}
	if len(results) > 0 {
		tag = results[len(results)-1].CommandTag
	}
	return tag, err
}

// discard closes the connection at once.
func (c *conn) discard() {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel() // close without waiting for the server
	_ = c.Conn.Conn().Close(cancelled)
}

// isRefusal reports whether an error of COMMIT means that certainly nothing was stored: the COMMIT could not
// be written completely, or the server itself refused it. A server that is shutting down, or whose timeout
// is over, reports that only before it has committed. Other fatal errors may come from a pooler whose own
// connection broke, and PANIC from a server that could not complete its log. pgconn.SafeToRetry doesn't
// help: it is true for some failed reads, too.
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
