package tenants

import "slices"

// ConnectionShare is a process's part of the connections to the tenants' databases on a server. The processes
// divide them by leases in the master:
//
//   - a process never has more connections than Granted, and the sum over all processes is never more than the
//     server's limit. To give some up it first closes them, then reduces Granted; to get some it first raises
//     Granted, as far as others have left something, then connects;
//   - each process computes its part from what all of them want, at each heartbeat;
//   - the share of a process that ended, or that Living counts as dead, is removed with its row.
type ConnectionShare struct {
	// InstanceID is the process. The share is deleted with its instance.
	InstanceID string    `gorm:"primaryKey;not null"`
	Instance   *Instance `gorm:"constraint:connection_shares_instance_id_fkey,OnDelete:CASCADE"`
	Server     string    `gorm:"primaryKey;not null"`
	Granted    int       `gorm:"not null"`
	// Wanted is how many connections the process used and waited for lately.
	Wanted int `gorm:"not null"`
	// Peak is the most that the process has wanted since it began.
	Peak int `gorm:"not null;default:0"`
}

// newcomers returns how many of the server's connections are kept for processes that begin, such as commands.
func newcomers(limit int) int { return min(4, limit/8) }

// partOf returns the part of the server's connections that the process should have: one, and of the rest, less
// those for newcomers, what corresponds to its weight among all processes. shares has one of the process.
func partOf(instance string, shares []ConnectionShare, limit int) int {
	all, before, own, place := 0, 0, 0, 0
	for _, s := range shares {
		weight := s.Wanted + 1 + limit/16 // an idle process keeps some, so that it can begin at once
		all += weight
		switch {
		case s.InstanceID == instance:
			own = weight
		case s.InstanceID < instance:
			before += weight
			place++
		}
	}
	if place >= limit {
		return 0 // there are more processes than connections
	}
	rest := max(0, limit-newcomers(limit)-len(shares))
	return 1 + rest*(before+own)/all - rest*before/all // the parts of all processes add up to the rest
}

// limitOf returns how many connections the process may use now: its part, but no more than it has and others
// have left. It keeps what it has above its part as long as no process lacks any.
func limitOf(own ConnectionShare, shares []ConnectionShare, limit int) int {
	granted := 0
	for _, s := range shares {
		granted += s.Granted
	}
	part, spare := partOf(own.InstanceID, shares, limit), limit-granted
	lacking := spare < newcomers(limit) || slices.ContainsFunc(shares, func(s ConnectionShare) bool { return s.Wanted > s.Granted })
	if part < own.Granted && !lacking {
		part = own.Granted
	}
	return max(0, min(part, own.Granted+spare))
}
