package postgres

import "time"

// pace limits how many connections change hands while tenants wait. A connect costs a server and this process
// milliseconds of CPU, as much as tens of requests, so that a server whose connections change hands with
// every request does little else. It is not safe for concurrent use.
type pace struct {
	cost   float64   // of a connect, in seconds of CPU
	credit float64   // changes that are due
	at     time.Time // when credit was last reckoned
}

const (
	// usualShare and fullShare are the parts of one CPU that connecting may take: usually, and if the
	// tenants that wait would otherwise wait for more than longWait.
	usualShare, fullShare = 0.1, 1.0
	longWait              = 2 * time.Second
	// firstCost is how long a connect takes, until some were measured.
	firstCost = 5 * time.Millisecond
	leastCost = time.Millisecond
	// maxCredit and maxDebt bound what a quiet or a busy time means for the time after it.
	maxCredit, maxDebt = 4.0, 16.0
)

func newPace(now time.Time) pace {
	return pace{cost: firstCost.Seconds(), credit: maxCredit, at: now}
}

// note records how long a connect took. The cost is that of the fastest connects, because slower ones waited for a
// CPU. Each slower connect raises the cost by a ten-thousandth, so that it follows a server that became slower.
func (p *pace) note(took time.Duration) {
	p.cost = max(leastCost.Seconds(), min(p.cost*1.0001, took.Seconds()))
}

// rate returns how many connections may change hands in a second while as many tenants wait.
func (p *pace) rate(waiters int) float64 {
	needed := float64(waiters) / longWait.Seconds()
	return min(max(usualShare/p.cost, needed), p.most())
}

// most returns the highest rate.
func (p *pace) most() float64 { return fullShare / p.cost }

// reckon adds the changes that became due since the last call.
func (p *pace) reckon(now time.Time, waiters int) {
	p.credit = min(p.credit+now.Sub(p.at).Seconds()*p.rate(waiters), maxCredit)
	p.at = now
}

// spend counts changes.
func (p *pace) spend(changes int) { p.credit = max(p.credit-float64(changes), -maxDebt) }
