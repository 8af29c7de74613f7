package tenants

import (
	"context"
	"errors"
	"sync/atomic"
)

// Outcome is how a scope ended.
type Outcome int

// The outcomes of scopes. A scope with one of the last five never began its transaction.
const (
	Committed   Outcome = iota
	Read                // a View that returned nil
	RolledBack          // its function or a statement failed, or the COMMIT was refused
	Panicked            // and was rolled back
	Unknown             // whether it was committed: ErrCommitUnknown
	Busy                // waited in vain for a handle, a connection or its turn
	Full                // the disk or the tenant
	Unavailable         // the database, its server or the master
	Cancelled           // by the caller
	Refused             // for the tenant's state, for a limit, or as a mistake of the program
	outcomes    = iota
)

// String returns the outcome as metrics name it.
func (o Outcome) String() string {
	return [outcomes]string{
		"committed", "read", "rolled_back", "panicked", "unknown", "busy", "full", "unavailable", "cancelled", "refused",
	}[o]
}

// outcomeOf returns the outcome of a scope that returned err.
func outcomeOf(s *scope, err error) Outcome {
	switch {
	case s.t != nil && err == nil && errors.Is(s.err, ErrPanicked):
		return Panicked
	case err == nil && s.t != nil && s.t.readOnly:
		return Read
	case err == nil:
		return Committed
	case errors.Is(err, ErrCommitUnknown):
		return Unknown
	case s.t != nil:
		return RolledBack
	}
	return refusalOf(err)
}

// refusalOf returns the outcome of a scope that did not begin because of err.
func refusalOf(err error) Outcome {
	switch {
	case errors.Is(err, ErrBusy):
		return Busy
	case errors.Is(err, ErrFull):
		return Full
	case errors.Is(err, ErrUnavailable):
		return Unavailable
	case errors.Is(err, context.Canceled):
		return Cancelled
	}
	return Refused
}

// tally counts scopes of tenants.
type tally struct {
	ended [outcomes]atomic.Uint64
	// waits has how long scopes took until their transactions began.
	waits Durations
}

// Scopes returns how many scopes ended with each outcome since the start. Those on the master are not
// counted.
func (s *Store) Scopes() map[Outcome]uint64 {
	counts := make(map[Outcome]uint64, outcomes)
	for o := range Outcome(outcomes) {
		counts[o] = s.tally.ended[o].Load()
	}
	return counts
}

// Waits returns how long scopes took until their transactions began: the waits for a handle, a
// connection and a turn, and the opening of the handle.
func (s *Store) Waits() Histogram { return s.tally.waits.Histogram() }
