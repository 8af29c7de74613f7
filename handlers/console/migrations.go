package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/fleet"
)

// migrationsPage shows the tenants' schema versions, and the last migration run.
type migrationsPage struct {
	Standings []fleet.VersionCount
	Behind    int64
	// Begin begins a run in waves. It is nil while one is under way.
	Begin *look.Form
	// Run is nil before the first run.
	Run *runView
	// Problem says why nothing was done.
	Problem string
}

// runView is the last run.
type runView struct {
	fleet.Run
	// Failures are the first tenants that could not be migrated.
	Failures []fleet.RunTenant
}

// runEvent is the progress of the last run.
type runEvent struct {
	Total  int64  `json:"total"`
	Done   int64  `json:"done"`
	Failed int64  `json:"failed"`
	Waves  []wave `json:"waves"`
	Over   bool   `json:"over"`
}

// wave is a part of a run.
type wave struct {
	Number int `json:"number"`
	Size   int `json:"size"`
	Done   int `json:"done"`
}

const (
	// shownFailures is the largest number of failures on the page.
	shownFailures = 100
	// runInterval is the time between two looks at a run for a stream.
	runInterval = time.Second
)

// Progress returns how many tenants of each wave are done.
func (v *runView) Progress() []wave {
	var waves []wave
	left := int(v.Migrated + v.Failed)
	for i, size := range v.Waves {
		done := min(left, size)
		waves = append(waves, wave{i + 1, size, done})
		left -= done
	}
	return waves
}

// Done returns the number of tenants that were tried.
func (v *runView) Done() int64 { return v.Migrated + v.Failed }

// Took returns the duration of a run that is over.
func (v *runView) Took() time.Duration {
	if v.FinishedAt == nil {
		return 0
	}
	return v.FinishedAt.Sub(v.StartedAt)
}

// Stopped reports whether the run has stopped before its last wave, or its process has died.
func (v *runView) Stopped() bool { return v.State == tenants.RunStopped || v.Interrupted }

// readRun returns the last run, or nil before the first.
func (s *Console) readRun(ctx context.Context) (*runView, error) {
	runs, err := s.o.Fleet.Runs(ctx, 1)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	v := &runView{Run: runs[0]}
	v.Failures, _, err = s.o.Fleet.Tenants(ctx, v.ID, tenants.OperationFailed, "", shownFailures)
	return v, err
}

func beginForm() *look.Form {
	f := look.NewForm("begin", "/migrations", "Begin in waves",
		look.Field{Name: "canaries", Label: "Canaries", Autocomplete: "off",
			Hint: "Subdomains of tenants that are migrated first, separated by spaces."},
		look.Field{Name: "waves", Label: "Sizes of the next waves", Autocomplete: "off",
			Hint: "Numbers of tenants, or the percentage that is done after the wave. The rest is the last wave."},
		look.Field{Name: "pause_seconds", Label: "Seconds between two waves", Kind: "number", Autocomplete: "off",
			Hint: "The run stops if meanwhile the requests of migrated tenants fail more often, or take twice as long, as those of the others."},
		look.Field{Name: "max_failures", Label: "Failures at most", Kind: "number", Autocomplete: "off",
			Hint: "The run stops after a wave if more tenants have failed. Empty for no limit."},
	)
	f.Set("", "1 10 25% 100%", "60", "0")
	return &f
}

// plan returns the plan of a run whose form was posted.
func planOf(f *look.Form) (plan fleet.Plan, err error) {
	words := func(name string) []string { return strings.Fields(strings.ReplaceAll(f.Value(name), ",", " ")) }
	plan.Canaries = words("canaries")
	if plan.Waves, err = fleet.ParseSizes(words("waves")); err != nil {
		return plan, err
	}
	number := func(name string) (n int) {
		if text := strings.TrimSpace(f.Value(name)); text != "" && err == nil {
			if n, err = strconv.Atoi(text); err != nil {
				err = problem.InvalidField(name, "must be a whole number")
			}
		}
		return n
	}
	plan.PauseSeconds = number("pause_seconds")
	if most := number("max_failures"); f.Value("max_failures") != "" {
		plan.MaxFailures = &most
	}
	return plan, err
}

// migrations shows the schema versions and the last run.
func (s *Console) migrations(c *gin.Context) error {
	return s.showMigrations(c, http.StatusOK, beginForm(), "")
}

func (s *Console) showMigrations(c *gin.Context, status int, form *look.Form, said string) error {
	ctx := c.Request.Context()
	standings, err := fleet.Status(ctx, s.o.Store)
	if err != nil {
		return err
	}
	run, err := s.readRun(ctx)
	if err != nil {
		return err
	}
	page := migrationsPage{Standings: standings, Run: run, Begin: form, Problem: said}
	for _, one := range standings {
		if one.SchemaVersion < one.Target {
			page.Behind += one.Tenants
		}
	}
	s.show(c, status, "migrations", "Migrations", "/migrations", page)
	return nil
}

// migrate begins a run, which continues when the browser disconnects.
func (s *Console) migrate(c *gin.Context) error {
	f := beginForm()
	f.Set("", "", "", "")
	if err := f.Read(c); err != nil {
		return err
	}
	plan, err := planOf(f)
	var pass *fleet.Pass
	if err == nil {
		pass, err = s.o.Fleet.Begin(c.Request.Context(), s.by(c), plan)
	}
	if err != nil {
		p := describe(c, err)
		if !f.Refuse(p) {
			return err
		}
		return s.showMigrations(c, p.Status, f, "")
	}
	if pass != nil {
		pass.Start(s.o.Serving)
	}
	return look.SeeOther(c, "/migrations")
}

// resumeRun goes on with the last run.
func (s *Console) resumeRun(c *gin.Context) error {
	pass, err := s.o.Fleet.BeginAgain(c.Request.Context(), s.by(c), nil)
	if err == nil {
		pass.Start(s.o.Serving)
	}
	return s.answerRun(c, err)
}

// stopRun stops the run that is under way, in whichever process.
func (s *Console) stopRun(c *gin.Context) error {
	return s.answerRun(c, s.o.Fleet.Stop(c.Request.Context(), s.by(c)))
}

// abandonRun gives up a run that has stopped.
func (s *Console) abandonRun(c *gin.Context) error {
	return s.answerRun(c, s.o.Fleet.Abandon(c.Request.Context()))
}

// answerRun shows the page, with why nothing was done if err says so.
func (s *Console) answerRun(c *gin.Context, err error) error {
	if err == nil {
		return look.SeeOther(c, "/migrations")
	}
	p := describe(c, err)
	if p.Status != http.StatusConflict {
		return err
	}
	return s.showMigrations(c, p.Status, beginForm(), p.Detail)
}

// runEvents streams the progress of the last run until it is over.
func (s *Console) runEvents(c *gin.Context) {
	var looked time.Time
	s.stream(c, func(send func(name string, data any)) (over bool) {
		if time.Since(looked) < runInterval {
			return false
		}
		looked = time.Now()
		run, err := s.readRun(c.Request.Context())
		if err != nil || run == nil {
			return err == nil
		}
		send("progress", runEvent{run.Total, run.Done(), run.Failed, run.Progress(), !run.UnderWay()})
		return !run.UnderWay()
	})
}
