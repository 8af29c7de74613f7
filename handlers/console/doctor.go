package console

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/look"
	"tenantry/tenants/lifecycle"
)

// doctorPage is the checkup that runs, or what the last one found.
type doctorPage struct {
	// Checkup is nil before the first.
	Checkup *checkup
	Problem string
}

// checkup is how far the doctor is, and what was found.
type checkup struct {
	By     lifecycle.Operator `json:"-"`
	At     time.Time          `json:"-"`
	Took   time.Duration      `json:"-"`
	Repair bool               `json:"-"`
	// Done of Total tenants were looked at.
	Done  int  `json:"done"`
	Total int  `json:"total"`
	Over  bool `json:"over"`

	// Findings are there when it is over; Wrong is how many of them are not
	// repaired, More how many are not shown.
	Findings              []lifecycle.Finding `json:"-"`
	Wrong, Repaired, More int                 `json:"-"`
	// Problem is why it ended early, empty if it didn't.
	Problem string `json:"-"`
}

// shownFindings is how many findings are remembered.
const shownFindings = 500

// practice runs one checkup at a time and remembers the last. It is safe for
// concurrent use.
type practice struct {
	mu   sync.Mutex // guards last and what it points to
	last *checkup
}

// begin begins a checkup, unless one runs.
func (p *practice) begin(by lifecycle.Operator, repair bool, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && !p.last.Over {
		return false
	}
	p.last = &checkup{By: by, At: now, Repair: repair}
	return true
}

func (p *practice) note(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Done, p.last.Total = done, total
}

// end ends the checkup.
func (p *practice) end(findings []lifecycle.Finding, problem string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.last
	c.Over, c.Took, c.Problem = true, now.Sub(c.At), problem
	for _, f := range findings {
		if f.Repaired {
			c.Repaired++
		} else {
			c.Wrong++
		}
	}
	shown := min(len(findings), shownFindings)
	c.Findings, c.More = findings[:shown], len(findings)-shown
}

// view is a copy of the checkup as it stands, nil before the first.
func (p *practice) view() *checkup {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		return nil
	}
	c := *p.last
	return &c
}

// doctor shows the checkup that runs, or what the last one found.
func (s *Console) doctor(c *gin.Context) error {
	s.showDoctor(c, http.StatusOK, "")
	return nil
}

func (s *Console) showDoctor(c *gin.Context, status int, problem string) {
	s.show(c, status, "doctor", "Doctor", "/doctor", doctorPage{s.practice.view(), problem})
}

// shortCheckup is for how long a form waits for its checkup to be over.
const shortCheckup = 2 * time.Second

// examine begins a checkup, which mends what can be mended where that was asked
// for, and goes on when the browser has left.
func (s *Console) examine(c *gin.Context) error {
	posted, err := handlers.ReadForm(c, "repair")
	if err != nil {
		return err
	}
	by, repair := s.by(c), posted.Get("repair") == "true"
	if !s.practice.begin(by, repair, s.o.Now()) {
		s.showDoctor(c, http.StatusConflict, "The doctor is busy with another checkup: wait until it is over.")
		return nil
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.runCheckup(s.o.Serving, lifecycle.Checkup{Repair: repair, By: by, Progress: s.practice.note})
	}()
	select {
	case <-over:
	case <-time.After(shortCheckup):
	}
	return look.SeeOther(c, "/doctor")
}

// errCheckupPanicked is what a checkup ends with that doesn't return.
var errCheckupPanicked = errors.New("the checkup broke off")

// runCheckup runs the checkup that was begun.
func (s *Console) runCheckup(ctx context.Context, what lifecycle.Checkup) {
	var findings []lifecycle.Finding
	err := errCheckupPanicked
	defer func() {
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		s.practice.end(findings, problem, s.o.Now())
	}()
	findings, err = s.o.Doctor(ctx, what)
}

// checkupEvents streams how far the checkup is, until it is over.
func (s *Console) checkupEvents(c *gin.Context) {
	s.stream(c, func(send func(name string, data any)) (over bool) {
		one := s.practice.view()
		if one == nil {
			return true
		}
		send("progress", one)
		return one.Over
	})
}
