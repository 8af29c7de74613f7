package postgres

import (
	"context"
	"time"

	"tenantry/tenants"
)

// Tenants that wait for connections get them in proportion to their weights. A tenant consumes the time for which it has
// connections, as long as any tenant waits, and what the server spends on connecting it, both divided by its weight. While a
// connection is being made, which takes long on a busy server, the tenant can't use it, and consumes nothing. The
// tenant that has consumed least gets the next connection, so that a tenant with twice the weight has connections for
// twice the time, however long its transactions are. It may also have as many more connections at once.
//
// A tenant that comes starts with the least that any tenant had consumed when the last connection was given: it can't save up
// for the time in which it needed nothing. One that was refused isn't new when it returns soon: else it would begin behind
// all those that came meanwhile, time and again. Nor is it in debt for more than maxRounds, however long it had its connections.
//
// Where tenants may get turns before others because they are near (turns.go), a tenant may have saved up a turn more than
// that, and owe two: else a tenant far from the connections that become free would lose what it is behind, time and again.

// maxRounds bounds what a tenant can have consumed beyond the others, in the average times between two hand-overs of a
// connection. It waits for about as many rounds longer.
const maxRounds = 8

// refusedTime is how long a tenant that was refused keeps its turn.
const refusedTime = 10 * time.Second

// reckon advances the time for which tenants have waited. The caller holds the lock.
func (b *budget) reckon(now time.Time) {
	if b.waiting() > 0 {
		b.contended += now.Sub(b.reckoned)
	}
	b.reckoned = now
}

// join limits what the share can have saved up, if it comes anew, and what it can owe. The caller holds the budget's
// lock.
func (s *share) join() {
	b, fair := s.budget, s.budget.classes[s.class].fair
	saved, owed := 0.0, maxRounds*float64(b.limit)/b.rate()
	if b.lends {
		saved, owed = b.lead()+b.usual, b.lead()+2*b.usual
	}
	if s.places+s.waiters == 0 && b.now() >= s.returns {
		s.spent = max(s.spent, fair-saved)
	}
	s.spent = min(s.spent, fair+owed)
}

// pay is called when the share gets the next place, in the queue of a class, in which the least that one had consumed is given:
// others that come now begin there, but people not behind a job that had its turn before them. The caller holds the budget's
// lock.
func (s *share) pay(in class, least float64) {
	if of := &s.budget.classes[s.class]; in == s.class || s.budget.waiters[s.class].Len() == 0 {
		of.fair = max(of.fair, least)
	}
	if !s.budget.lends {
		s.spend(s.budget.pace.cost)
	}
}

// consume adds what the share has consumed since it was called last, and returns the sum. The caller holds the budget's
// lock.
func (s *share) consume() float64 {
	now := s.budget.contended
	s.spend(float64(s.places-s.dialling) * (now - s.consumed).Seconds())
	s.consumed = now
	return s.spent
}

// spend adds seconds of a connection to what the share has consumed. The caller holds the budget's lock.
func (s *share) spend(seconds float64) { s.spent += seconds / float64(s.weight) }

// weigh gives the share the weight of the tenant whose scope begins with ctx.
func (s *share) weigh(ctx context.Context) {
	weight := tenants.ConnectionWeight(ctx)
	if weight == 0 || int64(weight) == s.weighed.Load() {
		return
	}
	b := s.budget
	b.mu.Lock()
	b.reckon(time.Now())
	s.consume()
	if s.places+s.waiters > 0 {
		b.active += weight - s.weight
	}
	s.setWeight(weight)
	s.width = b.widthOf(s)
	b.mu.Unlock()
	s.resize()
}

// setWeight sets the share's weight. The caller holds the budget's lock.
func (s *share) setWeight(weight int) {
	s.weight = weight
	s.weighed.Store(int64(weight))
}

// widthOf returns how many connections the share's pool may have now. The caller holds the lock.
func (b *budget) widthOf(s *share) int { return min(s.full, b.width*s.weight) }
