package tenants

import (
	"context"
	"fmt"
	"sync"
)

const (
	// mostInquiries is how many questions the master is asked at the same time, mostAsked how many names are in one, and
	// mostWaiting how many wait for their turn.
	mostInquiries, mostAsked, mostWaiting = 4, 64, 10_000
)

// inquiries ask the master for names, those that wait at the same time together: a flood of invented names, which no cache
// knows, leaves the master to others, and keeps no tenant waiting long. They are safe for concurrent use.
type inquiries struct {
	// find returns the answers that aren't ErrUnknownTenant.
	find func(ctx context.Context, names []string) (map[string]inquired, error)

	mu      sync.Mutex // protects the fields below
	waiting []inquiry
	running int
}

// inquired is a tenant, or why there is none.
type inquired struct {
	tenant *Tenant
	err    error
}

// inquiry is one caller's question for the tenant of a name, until ctx ends.
type inquiry struct {
	ctx    context.Context
	name   string
	answer chan inquired // with room for one
}

// ask returns the tenant with a name as it is now. Returns ErrUnknownTenant, a *MovedError, or ErrUnavailable if the master
// doesn't answer until ctx ends or too many names wait.
func (q *inquiries) ask(ctx context.Context, name string) (*Tenant, error) {
	i := inquiry{ctx, name, make(chan inquired, 1)}
	if !q.begin(i) {
		return nil, fmt.Errorf("look up tenant: %w: too many names are looked up", ErrUnavailable)
	}
	select {
	case a := <-i.answer:
		return a.tenant, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("look up tenant: %w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// begin lets an inquiry wait for its turn, unless too many do.
func (q *inquiries) begin(i inquiry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= mostWaiting {
		return false
	}
	q.waiting = append(q.waiting, i)
	if q.running < mostInquiries {
		q.running++
		go q.run()
	}
	return true
}

// run asks the master until nothing waits.
func (q *inquiries) run() {
	for {
		next := q.next()
		if next == nil {
			return
		}
		// The last one has waited least, and its context ends after its answer or its time.
		found, err := q.find(next[len(next)-1].ctx, namesOf(next))
		for _, i := range next {
			a, ok := found[i.name]
			switch {
			case err != nil:
				a = inquired{err: err}
			case !ok:
				a = inquired{err: ErrUnknownTenant}
			}
			i.answer <- a
		}
	}
}

// next returns the inquiries whose turn it is. If there are none, the caller is no longer running.
func (q *inquiries) next() []inquiry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), mostAsked)
	if n == 0 {
		q.running--
		q.waiting = nil
		return nil
	}
	next := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return next
}

// namesOf returns the names, some of them twice: there are few lengths of a question, since databases keep a plan for each.
func namesOf(all []inquiry) []string {
	length := 1
	for length < len(all) {
		length *= 8
	}
	names := make([]string, length)
	for i := range names {
		names[i] = all[min(i, len(all)-1)].name
	}
	return names
}
