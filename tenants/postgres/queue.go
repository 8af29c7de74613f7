package postgres

import (
	"cmp"
	"container/list"
	"context"
	"iter"
	"time"

	"tenantry/tenants"
)

// class says who waits first.
type class int

const (
	people     class = iota // requests
	chores                  // operators' work, such as adoptions and repairs
	jobs                    // what tenants' jobs do
	migrations              // migrations of many tenants, one after another
	classes    = iota
)

// Lower classes get a place while higher ones wait, so that they don't starve: once in so many places.
const (
	choreTurn     = 8
	jobTurn       = 12
	migrationTurn = 16
)

// classLoad is what a class of work has of the budget.
type classLoad struct {
	used   int               // protected by the budget's lock
	fair   float64           // what the tenant that had consumed least had when a place was given last; protected too
	waited tenants.Durations // how long it waited, also in vain
}

// String returns the class as metrics name it.
func (c class) String() string { return [classes]string{"people", "chores", "jobs", "migrations"}[c] }

// every returns once in how many places the class gets one while higher classes wait.
func (c class) every() uint64 { return [classes]uint64{1, choreTurn, jobTurn, migrationTurn}[c] }

// waiter is an entry in the queue.
type waiter struct {
	share *share
	given chan struct{} // closed when the waiter gets its place
	slot  *slot         // that it got with its turn, or nil; turns.go

	// The budget's lock protects the fields below.
	class  class         // in whose queue it is
	queued *list.Element // nil once it isn't
	home   *slot         // the first one of its tenant, or nil without turns
	atHome *list.Element // in the queue of home
}

// classOf returns the class of what begins with ctx. The jobs of a tenant use the connections of its people.
func (s *share) classOf(ctx context.Context) class {
	if s.class == people && tenants.IsJob(ctx) {
		return jobs
	}
	return s.class
}

// hurry makes the tenant's jobs that wait as urgent as a person, who would have to wait behind them for the tenant's only
// connection.
func (s *share) hurry() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.hurryLocked()
}

// hurryLocked is hurry for a caller that holds the lock.
func (s *share) hurryLocked() {
	b := s.budget
	var next *list.Element
	for e := b.waiters[jobs].Front(); e != nil; e = next {
		next = e.Next()
		if w := e.Value.(*waiter); w.share == s {
			b.remove(w)
			b.push(w, people)
		}
	}
}

// waiting returns the number of waiters. The caller holds the lock.
func (b *budget) waiting() int {
	sum := 0
	for c := range b.waiters {
		sum += b.waiters[c].Len()
	}
	return sum
}

// nextWaiter takes the waiter from the queue whose turn it is, or returns nil, and returns the least that a tenant which waits
// has consumed. In a class it is the first waiter of that tenant, or if there are turns a nearer waiter. The caller holds
// the lock.
func (b *budget) nextWaiter() (next *waiter, least float64) {
	of := b.nextClass()
	compared := b.waiters[of].Len()
	if b.lends {
		compared = mostCompared
	}
	for w := range first(&b.waiters[of], compared) {
		if w.share.consume(); next == nil || w.share.spent < next.share.spent {
			next = w
		}
	}
	if next == nil {
		return nil, 0
	}
	least = next.share.spent
	if b.freed != nil {
		next = b.nearer(next, of)
	}
	b.turns++
	b.remove(next)
	return next, min(least, next.share.spent)
}

// first returns the first waiters of a queue, at most so many.
func first(queue *list.List, most int) iter.Seq[*waiter] {
	return func(yield func(*waiter) bool) {
		for e, n := queue.Front(), 0; e != nil && n < most; e, n = e.Next(), n+1 {
			if !yield(e.Value.(*waiter)) {
				return
			}
		}
	}
}

// push puts a waiter into the queue of a class. The caller holds the lock.
func (b *budget) push(w *waiter, of class) {
	w.class, w.queued = of, b.waiters[of].PushBack(w)
	if w.share.lender != nil {
		w.home = w.share.lender.home(w.share.hash, b.limit)
		w.atHome = w.home.waiters[of].PushBack(w)
	}
}

// remove takes a waiter out of its queue. The caller holds the lock.
func (b *budget) remove(w *waiter) {
	b.waiters[w.class].Remove(w.queued)
	w.queued = nil
	if w.home != nil {
		w.home.waiters[w.class].Remove(w.atHome)
	}
}

func shareAt(e *list.Element) *share { return e.Value.(*waiter).share }

// nextClass returns the class that gets the next place: the highest one that waits, except that each lower one has its
// turn. The caller holds the lock.
func (b *budget) nextClass() class {
	first := people
	for c := class(classes - 1); c >= people; c-- {
		if b.waiters[c].Len() == 0 {
			continue
		}
		if c > people && b.turns%c.every() == c.every()/2 { // half, so that no two classes have the same turn
			return c
		}
		first = c
	}
	return first
}

// admit returns a *tenants.BusyError if a scope would wait for a connection of the share beyond ctx's deadline, together
// with others of its tenant. It doesn't wait: while one of them does, database/sql keeps the others in a queue of its own,
// where they could only wait in vain.
func (s *share) admit(ctx context.Context) error {
	if !s.starved.Load() {
		return nil
	}
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	if s.classOf(ctx) != jobs {
		s.hurryLocked()
	}
	return s.budget.estimate(ctx, s)
}

// estimate returns a *tenants.BusyError if a waiter of the share that came now would wait beyond ctx's deadline. The
// caller holds the lock.
func (b *budget) estimate(ctx context.Context, s *share) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	wait := b.expect(s, s.classOf(ctx))
	if wait <= time.Until(deadline) {
		return nil
	}
	b.refused++
	s.returns = b.now() + int64(refusedTime)
	return &tenants.BusyError{After: wait, Limit: b.limit}
}

// expect returns how long a waiter of the share that came now would wait in a class, at the rate at which waiters got
// places lately. The caller holds the lock.
func (b *budget) expect(s *share, of class) time.Duration {
	return b.expectAfter(b.ahead(s, of))
}

// expectAfter returns how long it takes until as many waiters have got places. The caller holds the lock.
func (b *budget) expectAfter(ahead int) time.Duration {
	if b.served == 0 && b.lends {
		return 0
	}
	if b.served == 0 { // the rate isn't known yet; many places can become free by themselves
		ahead -= b.limit
	}
	return time.Duration(float64(max(0, ahead)) / b.rate() * float64(time.Second))
}

// rate returns how many waiters a second get a place, as far as that is known, or else the most that can. The caller
// holds the lock.
func (b *budget) rate() float64 { return cmp.Or(b.served, b.pace.most()) }

// ahead returns how many waiters would get a place before a waiter of the share that came now, in a class. The caller
// holds the lock.
func (b *budget) ahead(s *share, of class) int {
	if b.lends { // about
		return b.waiters[of].Len()
	}
	ahead := 0
	for e := b.waiters[of].Front(); e != nil; e = e.Next() {
		if shareAt(e).spent <= s.spent {
			ahead++
		}
	}
	if of != people && b.waiters[people].Len() > 0 {
		ahead = (ahead + 1) * int(of.every())
	}
	return ahead
}
