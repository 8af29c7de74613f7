package postgres

import (
	"context"
	"database/sql/driver"
	"hash/fnv"
	"io"
)

// Tenants that share connections take turns: a transaction has one for as long as it has a connection, or is the next one to
// get it. There is a budget for turns, so those who wait for one are served as those who wait for connections are: by class,
// and by the weights of their tenants.

// turnsFor returns how many turns there are for a number of connections. If these are in several lanes, there are more of
// them: those who have a turn and no connection wait at their lanes, none of which is then idle while another is busy.
func (e *Engine) turnsFor(conns int) int {
	if conns < 2*e.config.TenantConns {
		return conns
	}
	return 2 * conns
}

// mostCompared bounds how many of the transactions that wait are compared when a turn is free.
const mostCompared = 64

// newTurns returns the budget for at most limit turns at a time.
func newTurns(limit int) *budget {
	b := newBudget(limit)
	b.lends = true
	return b
}

// borrower is the connector of a tenant's pool.
type borrower struct {
	lender *lender
	turns  *share // the tenant's part of the turns
	schema string
	role   string
	hash   uint64 // of the schema
}

var (
	_ driver.Connector = borrower{}
	_ io.Closer        = borrower{}
)

// openBorrower opens the pool of a tenant that borrows connections.
func (b *budget) openBorrower(from borrower, of class, full int) *share {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(from.schema)) // never fails
	from.turns, from.hash = newShare(b, of, full), hash.Sum64()
	from.turns.open(from)
	return from.turns
}

// Connect connects to nothing: a transaction borrows a connection when it begins.
func (b borrower) Connect(context.Context) (driver.Conn, error) { return &lent{borrower: b}, nil }

// Driver returns pgx's driver.
func (b borrower) Driver() driver.Driver { return connector{}.Driver() }

// Close is called by database/sql when the pool is closed.
func (b borrower) Close() error {
	b.turns.closed()
	return nil
}
