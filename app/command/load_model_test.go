package command

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tenantry/tenants"
)

// answer is how a server answers for a host.
type answer string

// The answers that a tenant's state allows.
const (
	answerServed      answer = "served"
	answerSuspended   answer = "suspended"
	answerMaintenance answer = "maintenance"
	answerUnknown     answer = "unknown"
	answerMoved       answer = "moved"
)

// standing is where a tenant stands between two operations.
type standing struct {
	state     tenants.State
	subdomain string
	redirects []string // subdomains that it had, and that lead to it
}

// answer is the one right answer for a host.
func (s standing) answer(host string) answer {
	switch {
	case s.state != tenants.StateActive && s.state != tenants.StateSuspended:
		return answerUnknown
	case slices.Contains(s.redirects, host):
		return answerMoved
	case host != s.subdomain:
		return answerUnknown
	case s.state == tenants.StateSuspended:
		return answerSuspended
	}
	return answerServed
}

// window is a time during which a host may answer so.
type window struct {
	from, to time.Time // to is zero while it is open
	answers  []answer
	// late says that an operation was over at from, and that the answers are
	// those of before, which other processes give until they hear of it.
	late bool
}

func (w window) overlaps(begin, end time.Time) bool {
	return !w.from.After(end) && (w.to.IsZero() || !w.to.Before(begin))
}

// chart is which answers were right when, for each host. It is safe for
// concurrent use.
type chart struct {
	mu      sync.Mutex // guards what follows
	windows map[string][]window
	owners  map[string]*subject
	hosts   []string
	alive   []*subject
}

func newChart() *chart {
	return &chart{windows: map[string][]window{}, owners: map[string]*subject{}}
}

// pick is a host at random, often one that a tenant has now, with the tenant
// whose it is; nil when there is none.
func (c *chart) pick(random *rand.Rand) (host string, owner *subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hosts) == 0 {
		return "", nil
	}
	if random.IntN(4) > 0 {
		owner = c.alive[random.IntN(len(c.alive))]
		return owner.subdomain, owner
	}
	host = c.hosts[random.IntN(len(c.hosts))]
	return host, c.owners[host]
}

// begin is told before an operation on a tenant begins: from now on what it
// leads to is right, and what is seen on the way.
func (c *chart) begin(s *subject, m move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !slices.Contains(c.alive, s) {
		c.alive = append(c.alive, s)
	}
	if c.owners[m.to.subdomain] == nil {
		c.owners[m.to.subdomain] = s
		c.hosts = append(c.hosts, m.to.subdomain)
		s.hosts = append(s.hosts, m.to.subdomain)
		c.windows[m.to.subdomain] = []window{{from: now, answers: []answer{answerUnknown}}}
	}
	for _, host := range s.hosts {
		c.windows[host] = append(c.windows[host], window{from: now, answers: append(m.between(host), m.to.answer(host))})
	}
}

// leave is told when nothing more happens to a tenant.
func (c *chart) leave(s *subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = slices.DeleteFunc(c.alive, func(other *subject) bool { return other == s })
}

// propagation bounds the time until other processes have heard of a change. One
// second is promised; a slow machine gets more.
const propagation = 5 * time.Second

// end is told after the operation: what was before is right no more, at once if
// the operation has drained the tenant.
func (c *chart) end(s *subject, m move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, host := range s.hosts {
		all := c.windows[host]
		for i := range all {
			if all[i].to.IsZero() {
				all[i].to = now
			}
		}
		late := m.between(host)
		if !m.drains {
			late = append(late, s.answer(host))
		}
		c.windows[host] = append(all,
			window{from: now, to: now.Add(propagation), answers: late, late: true},
			window{from: now, answers: []answer{m.to.answer(host)}})
	}
	s.standing = m.to
}

// allows tells whether the answer to a request was right at some time while it
// ran, and if it was one of before, how late it was.
func (c *chart) allows(host string, a answer, begin, end time.Time) (ok bool, late time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.windows[host] {
		switch {
		case !slices.Contains(w.answers, a) || !w.overlaps(begin, end):
		case !w.late:
			return true, 0
		default:
			ok, late = true, max(0, begin.Sub(w.from))
		}
	}
	return ok, late
}
