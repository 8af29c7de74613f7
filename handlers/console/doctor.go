package console

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/tenants/lifecycle"
)

// doctorPage shows the running or the last checkup.
type doctorPage struct {
	// Checkup is nil before the first checkup.
	Checkup *checkup
	Problem string
}

// checkup is the progress and result of a checkup.
type checkup struct {
	By     lifecycle.Operator `json:"-"`
	At     time.Time          `json:"-"`
	Took   time.Duration      `json:"-"`
	Repair bool               `json:"-"`
	// Done of Total tenants have been checked.
	Done  int  `json:"done"`
	Total int  `json:"total"`
	Over  bool `json:"over"`

	// Findings are set at the end. Wrong is the number of those that need a remedy, More of those
	// that are not shown.
	Findings              []lifecycle.Finding `json:"-"`
	Wrong, Repaired, More int                 `json:"-"`
	// Problem says why the checkup ended early, or is empty.
	Problem string `json:"-"`
}

// shownFindings is the largest number of findings that are kept.
const shownFindings = 500

// end records the result of a checkup.
func (c *checkup) end(findings []lifecycle.Finding, err error, now time.Time) {
	c.Over, c.Took = true, now.Sub(c.At)
	if err != nil {
		c.Problem = err.Error()
	}
	for i := range findings {
		switch {
		case findings[i].Repaired:
			c.Repaired++
		case findings[i].IsOpen():
			c.Wrong++
		}
	}
	shown := min(len(findings), shownFindings)
	c.Findings, c.More = findings[:shown], len(findings)-shown
}

// doctor shows the running or the last checkup.
func (s *Console) doctor(c *gin.Context) error {
	s.showDoctor(c, http.StatusOK, "")
	return nil
}

func (s *Console) showDoctor(c *gin.Context, status int, problem string) {
	s.show(c, status, "doctor", "Doctor", "/doctor", doctorPage{s.checkups.view(), problem})
}

// shortCheckup is how long the answer to the form waits for the checkup to end.
const shortCheckup = 2 * time.Second

// examine starts a checkup, with repairs if the form says so. The checkup continues
// when the browser disconnects.
func (s *Console) examine(c *gin.Context) error {
	posted, err := request.ReadForm(c, "repair")
	if err != nil {
		return err
	}
	by, repair := s.by(c), posted.Get("repair") == "true"
	if !s.checkups.begin(checkup{By: by, At: s.o.Now(), Repair: repair}) {
		s.showDoctor(c, http.StatusConflict, "Another checkup is running. Wait until it has finished.")
		return nil
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.runCheckup(s.o.Serving, lifecycle.Checkup{Repair: repair, By: by})
	}()
	select {
	case <-over:
	case <-time.After(shortCheckup):
	}
	return look.SeeOther(c, "/doctor")
}

// runCheckup runs the checkup that has been started.
func (s *Console) runCheckup(ctx context.Context, what lifecycle.Checkup) {
	what.Progress = func(done, total int) {
		s.checkups.change(func(c *checkup) { c.Done, c.Total = done, total })
	}
	var findings []lifecycle.Finding
	s.checkups.run(func() (err error) {
		findings, err = s.o.Doctor(ctx, what)
		return err
	}, func(c *checkup, err error) { c.end(findings, err, s.o.Now()) })
}
