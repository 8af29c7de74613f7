package app

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
)

// The largest numbers of refused requests that are logged one by one within
// refusalsWindow.
const (
	refusalsWindow     = time.Minute
	refusalsPerAddress = 20
	refusalsTogether   = 200
)

// refusals bound how much strangers can write to the log: it has a line for
// some of their refused requests, and the number of the others. They are safe
// for concurrent use.
type refusals struct {
	log *slog.Logger

	mu         sync.Mutex // guards what follows
	since      time.Time
	lines      map[string]int // of each network in this window
	written    int            // lines in this window
	suppressed int            // requests without a line in this window
}

func newRefusals(log *slog.Logger) *refusals { return &refusals{log: log} }

// admit reports whether one more request of a network may be logged. Otherwise
// one line at the window's end gives the number of all such requests.
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

// tell logs how many requests have no line, and ends the window.
func (r *refusals) tell() {
	r.mu.Lock()
	suppressed := r.suppressed
	r.suppressed, r.since = 0, time.Time{}
	r.mu.Unlock()
	r.log.Warn("refused requests without a line of their own", "requests", suppressed)
}

// isRefusal reports whether the request was refused for a missing or wrong
// credential, for too many attempts, or for a host that is no tenant's.
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
