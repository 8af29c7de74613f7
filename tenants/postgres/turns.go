package postgres

import (
	"context"
	"database/sql/driver"
	"hash/fnv"
	"io"
	"time"
)

// Tenants that share connections take turns: a transaction has one for as long as it has a connection. There is a budget for
// turns, so those who wait for one are served as those who wait for connections are: by class, and by the weights of their
// tenants. Among tenants that have consumed about the same, one gets the free connection in whose order of
// slots it is among the first.

const (
	// near is how many of the slots in its order are near a tenant. Each of them is worth a turn of average length: so much more
	// than the others a tenant may have consumed and get a slot before them.
	near = 3
	// mostCompared bounds how many of the transactions that wait, and how many of each slot's, are compared when a turn is free.
	mostCompared = 16
	// usualOver is over about how many transactions the average is taken.
	usualOver = 64
)

// newTurns returns the budget for at most limit turns at a time.
func newTurns(limit int) *budget {
	b := newBudget(limit)
	b.lends = true
	return b
}

// turn waits for a turn as acquire does, and returns a slot, which the caller must leave or give to endTurn.
func (s *share) turn(ctx context.Context) (*slot, error) {
	w, err := s.await(ctx)
	if err != nil {
		return nil, err
	}
	if w != nil && w.slot != nil {
		return w.slot, nil
	}
	return s.lender.take(s.hash), nil
}

// endTurn ends a turn, which took a while; a transaction that waits gets the slot.
func (s *share) endTurn(of *slot, took time.Duration) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(time.Now())
	s.place(-1, 0)
	b.usual += (took.Seconds() - b.usual) / usualOver
	b.freed = of
	b.serve()
	if b.freed != nil {
		b.freed.leave()
		b.freed = nil
	}
}

// handOver gives a waiter that has its turn the slot that was freed, if it can use it. The caller holds the lock.
func (b *budget) handOver(w *waiter) {
	if l := w.share.lender; b.freed != nil && b.freed.lender == l && b.freed.number < l.width(b.limit) {
		w.slot, b.freed = b.freed, nil
	}
}

// nearer returns the waiter that gets the slot that was freed: least, or one for which that slot is among its first ones, and
// which hasn't consumed much more. The caller holds the lock.
func (b *budget) nearer(least *waiter, of class) *waiter {
	next, score := least, least.share.spent+b.lead()
	n := b.freed.lender.width(b.limit)
	for away := range min(near, n) {
		home := b.freed.lender.slots[(b.freed.number%n+n-away)%n]
		for w := range first(&home.waiters[of], mostCompared) {
			if at := w.share.consume() + float64(away)*b.usual; at < score {
				next, score = w, at
			}
		}
	}
	return next
}

// lead returns how much more than the others a tenant may have consumed and get a slot before them because it is near. The
// caller holds the lock.
func (b *budget) lead() float64 { return near * b.usual }

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
