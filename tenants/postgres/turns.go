package postgres

import (
	"container/list"
	"context"
	"database/sql/driver"
	"hash/fnv"
	"io"
	"time"
)

// Tenants that share connections take turns: a transaction has one for as long as it has a connection. There is a budget for
// turns, so those who wait for one are served as those who wait for connections are: by class, and by the weights of their
// tenants. Among tenants that have consumed about the same, the one whose order of slots has the free connection first gets it.

const (
	// mostCompared bounds how many of the transactions that wait are compared when a turn is free.
	mostCompared = 64
	// maxAhead is the lead in average turns.
	maxAhead = 4
	// usualOver is over about how many transactions the average is taken.
	usualOver = 64
)

// newTurns returns the budget for at most limit turns at a time.
func newTurns(limit int) *budget {
	b := newBudget(limit)
	b.lends = true
	return b
}

// endTurn ends a turn, which took a while; a transaction that waits gets the connection.
func (s *share) endTurn(of *slot, took time.Duration) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(time.Now())
	s.place(-1, 0)
	b.usual += (took.Seconds() - b.usual) / usualOver
	b.freed = of
	b.serve()
	b.freed = nil
}

// nearest returns the waiter that gets the connection that became free: among the first ones of the queue that have consumed
// about the least, the one whose order of slots has it first. The caller holds the lock.
func (b *budget) nearest(queue *list.List, compared int, least float64) (next *list.Element) {
	most, nearest := least+b.lead(), 0
	for e, n := queue.Front(), 0; n < compared; e, n = e.Next(), n+1 {
		s := shareAt(e)
		if s.spent > most {
			continue
		}
		away := s.awayFrom(b.freed, b.limit)
		if next == nil || away < nearest || away == nearest && s.spent < shareAt(next).spent {
			next, nearest = e, away
		}
	}
	return next
}

// lead returns how much more than the others a tenant may have consumed and get a connection before them because it is near. The
// caller holds the lock.
func (b *budget) lead() float64 { return maxAhead * b.usual }

// awayFrom returns where the slot stands in the order of the tenant's slots, of which there are n.
func (s *share) awayFrom(slot *slot, n int) int {
	if slot == nil || slot.lender != s.lender || n < 1 {
		return n
	}
	return (slot.number + n - int(s.hash%uint64(n))) % n
}

// borrower is the connector of a tenant's pool.
type borrower struct {
	lender *lender
	turns  *share // the tenant's part of the turns
	schema string
	role   string
}

var (
	_ driver.Connector = borrower{}
	_ io.Closer        = borrower{}
)

// openBorrower opens the pool of a tenant that borrows connections.
func (b *budget) openBorrower(from borrower, of class, full int) *share {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(from.schema)) // never fails
	from.turns = newShare(b, of, full)
	from.turns.lender, from.turns.hash = from.lender, hash.Sum64()
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
