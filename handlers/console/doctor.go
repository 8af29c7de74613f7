package console

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants/lifecycle"
)

// doctorPage is what the doctor found last.
type doctorPage struct {
	// Checkup is nil before the first.
	Checkup *checkup
	Problem string
}

// checkup is what the doctor found.
type checkup struct {
	By       lifecycle.Operator
	At       time.Time
	Took     time.Duration
	Repair   bool
	Findings []lifecycle.Finding
	// Wrong is how many of all findings are not repaired; More how many are not
	// shown.
	Wrong, Repaired, More int
}

// shownFindings is how many findings are remembered.
const shownFindings = 500

// practice runs one checkup at a time and remembers the last. It is safe for
// concurrent use.
type practice struct {
	busy sync.Mutex // held by a checkup

	mu   sync.Mutex // guards last
	last *checkup
}

func (p *practice) view() *checkup {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last // which is never changed
}

func (p *practice) remember(c *checkup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = c
}

// doctor shows what was found last.
func (s *Console) doctor(c *gin.Context) error {
	s.showDoctor(c, http.StatusOK, "")
	return nil
}

func (s *Console) showDoctor(c *gin.Context, status int, problem string) {
	s.show(c, status, "doctor", "Doctor", "/doctor", doctorPage{s.practice.view(), problem})
}

// examine examines everything, and mends what can be mended where that was
// asked for.
func (s *Console) examine(c *gin.Context) error {
	posted, err := look.Posted(c)
	if err != nil {
		return err
	}
	if !s.practice.busy.TryLock() {
		s.showDoctor(c, http.StatusConflict, "The doctor is busy with another checkup: wait until it is over.")
		return nil
	}
	defer s.practice.busy.Unlock()
	one := &checkup{By: s.by(c), At: s.Now(), Repair: posted.Get("repair") == "true"}
	findings, err := s.Doctor(c.Request.Context(), one.Repair)
	if err != nil {
		return err
	}
	one.Took = s.Now().Sub(one.At)
	one.take(findings)
	s.practice.remember(one)
	return look.SeeOther(c, "/doctor")
}

// take takes the findings in.
func (c *checkup) take(findings []lifecycle.Finding) {
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
