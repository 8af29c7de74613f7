package app

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// How many refused requests the log tells of one by one, within refusalsWindow.
const (
	refusalsWindow     = time.Minute
	refusalsPerAddress = 20
	refusalsTogether   = 200
)

// refusals bound what strangers can have written to the log: of their refused
// requests it tells of some, and of the others how many there were. They are
// safe for concurrent use.
type refusals struct {
	log *slog.Logger

	mu         sync.Mutex // guards what follows
	since      time.Time
	lines      map[string]int // of each network in this window
	written    int            // lines in this window
	suppressed int            // requests without a line in this window
}

func newRefusals(log *slog.Logger) *refusals { return &refusals{log: log} }

// admit tells whether the log has a line for one more request of a network.
// Where it has none, one line tells of all such requests at the window's end.
func (r *refusals) admit(from string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.suppressed == 0 && (now.Sub(r.since) >= refusalsWindow || now.Before(r.since)) {
		r.since, r.lines, r.written = now, map[string]int{}, 0
	}
	if r.written < refusalsTogether && r.lines[from] < refusalsPerAddress {
		r.written++
		r.lines[from]++
		return true
	}
	r.suppressed++
	if r.suppressed == 1 {
		time.AfterFunc(refusalsWindow-now.Sub(r.since), r.tell)
	}
	return false
}

// tell writes how many requests have no line, and ends the window.
func (r *refusals) tell() {
	r.mu.Lock()
	suppressed := r.suppressed
	r.suppressed, r.since = 0, time.Time{}
	r.mu.Unlock()
	r.log.Warn("refused requests without a line of their own", "requests", suppressed)
}

// isRefusal tells whether the request was refused for want of a credential, for
// a wrong one, for too many tries, or for a host that is no tenant's.
func isRefusal(c *gin.Context) bool {
	switch c.Writer.Status() {
	case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusMisdirectedRequest:
		return true
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		_, known := web.Resolved(c)
		return !known
	}
	return false
}
