package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// BusyError is an ErrBusy that says when a connection to the tenant's database will probably be free.
type BusyError struct {
	// After is the estimate. It follows from the number of those who wait, and how many of them got a connection lately.
	After time.Duration
	// Err is what ended the wait, or nil if the caller was refused at once because its deadline is earlier.
	Err error
}

// Error returns the estimate and what ended the wait.
func (e *BusyError) Error() string {
	text := fmt.Sprintf("%v; a connection will be free in about %v", ErrBusy, e.After.Round(100*time.Millisecond))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns ErrBusy and Err.
func (e *BusyError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrBusy}
	}
	return []error{ErrBusy, e.Err}
}

// explainWait returns err, the error of a scope that didn't begin, or a *BusyError that wraps it if the scope's
// deadline passed while others waited for connections to the tenant's server, too. The scope can have waited in front
// of the engine: for the tenant's other scopes, which share its connections, or for its database to be opened.
func (s *Store) explainWait(t *Tenant, err error) error {
	var busy *BusyError
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &busy) || errors.Is(err, ErrServerDown) {
		return err
	}
	engine := s.servers.known(t.Server)
	if engine == nil {
		return err
	}
	budgeted, ok := engine.Engine.(Budgeted)
	if !ok {
		return err
	}
	if c := budgeted.Connections(); c.Waiting > 0 {
		return &BusyError{After: c.Wait, Err: err}
	}
	return err
}
