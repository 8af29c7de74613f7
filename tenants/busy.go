package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// BusyError is an ErrBusy for connections to a server: this process already uses all that it may have. It says when
// another one will probably be free.
type BusyError struct {
	// After is the estimate. It follows from the number of those who wait, and how many of them got a connection lately.
	// It is 0 if that isn't known.
	After time.Duration
	// Limit is how many connections to tenants' databases on the server this process may have. It is 0 until other
	// processes have left it some.
	Limit int
	// Err is what ended the wait, or nil if the caller was refused at once because its deadline is earlier.
	Err error
}

// Error returns the limit, the estimate if there is one, and what ended the wait.
func (e *BusyError) Error() string {
	text := busyText(e.Limit)
	if after := e.After.Round(100 * time.Millisecond); after > 0 {
		text += fmt.Sprintf("; one will be free in about %v", after)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// busyText says that a process uses all of its connections to a server.
func busyText(limit int) string {
	switch limit {
	case 0:
		return "other processes have all connections to the tenant's server"
	case 1:
		return "the only connection to the tenant's server that this process may have is in use"
	}
	return fmt.Sprintf("all %d connections to the tenant's server that this process may have are in use", limit)
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
	if c := s.connectionsFor(t); c.Waiting > 0 {
		return &BusyError{After: c.Wait, Limit: c.Limit, Err: err}
	}
	return err
}

// connectionsFor returns the connections to the tenant's server, or none if they aren't limited.
func (s *Store) connectionsFor(t *Tenant) Connections {
	if server := s.servers.known(t.Server); server != nil {
		if budgeted, ok := server.Engine.(Budgeted); ok {
			return budgeted.Connections()
		}
	}
	return Connections{}
}

// noticeTime is how long a scope of a patient store waits until the log says so.
const noticeTime = 2 * time.Second

// tellWait makes the log say what a scope waits for if its f isn't called soon, in a patient store. It returns the f to
// run. The caller must call stop when the scope is over.
func (s *Store) tellWait(t *Tenant, f Func) (told Func, stop func()) {
	if !s.patient {
		return f, func() {}
	}
	timer := time.AfterFunc(noticeTime, func() {
		s.log.Warn("waiting for the tenant's database", "tenant", t.Subdomain, "reason", s.reasonOfWait(t), "at most", s.pool.wait)
	})
	return func(tx *gorm.DB) error { timer.Stop(); return f(tx) }, func() { timer.Stop() }
}

// reasonOfWait says what a scope on the tenant waits for.
func (s *Store) reasonOfWait(t *Tenant) string {
	if c := s.connectionsFor(t); c.Waiting > 0 {
		return busyText(c.Limit)
	}
	if s.pool.load().Waiting > 0 {
		return ErrBusy.Error()
	}
	return "it doesn't answer, or other scopes use it"
}
