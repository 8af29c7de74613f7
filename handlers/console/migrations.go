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
	// Outline is what a run would do. It is nil unless it was asked for.
	Outline *fleet.Outline
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
	// Revert puts the copies of the run back. It is nil if there are none, or the run is under way.
	Revert *look.Form
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
	if v.Copies > 0 && !v.UnderWay() {
		v.Revert = revertForm(v.ID)
	}
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
		look.Field{Name: "max_slowdown", Label: "Times slower at most", Autocomplete: "off",
			Hint: "The run stops in a pause if the 95th percentile of requests to migrated tenants is so many times that of the others. Defaults to 2."},
		look.Field{Name: "max_errors", Label: "Percentage points of errors more at most", Autocomplete: "off", Hint: "Defaults to 1."},
		look.Field{Name: "min_requests", Label: "Requests that are needed to judge", Kind: "number", Autocomplete: "off", Hint: "Defaults to 100, of migrated tenants and of the others."},
		look.Field{Name: "no_gate", Label: "Comparing requests", Kind: "select", Options: []look.Option{{Value: "", Label: "In each pause"}, {Value: "true", Label: "Never"}}},
		look.Field{Name: "keep_copies", Label: "Copies from before the migration", Kind: "select",
			Options: []look.Option{{Value: "", Label: "None"}, {Value: "true", Label: "Keep them until the run is accepted or reverted"}},
			Hint:    "On SQLite. The disk must have room for them."},
	)
	f.Set("", "1 10 25% 100%", "60", "0")
	return &f
}

// planOf returns the plan of a run whose form was posted.
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
	decimal := func(name string) (n float64) {
		if text := strings.TrimSpace(f.Value(name)); text != "" && err == nil {
			if n, err = strconv.ParseFloat(text, 64); err != nil {
				err = problem.InvalidField(name, "must be a number")
			}
		}
		return n
	}
	plan.Gate = fleet.Gate{MaxSlowdown: decimal("max_slowdown"), MaxErrors: decimal("max_errors"), MinRequests: number("min_requests"), Off: f.Value("no_gate") != ""}
	plan.KeepCopies = f.Value("keep_copies") != ""
	plan.PauseSeconds = number("pause_seconds")
	if most := number("max_failures"); f.Value("max_failures") != "" {
		plan.MaxFailures = &most
	}
	return plan, err
}

func revertForm(run string) *look.Form {
	f := look.NewForm("revert", "/migrations/revert", "Put the copies back",
		look.Field{Name: "run", Kind: "hidden", Value: run},
		look.Field{Name: "tenant", Label: "Tenant", Autocomplete: "off", Hint: "Its subdomain. Empty for all tenants of the run."},
		look.Field{Name: "confirm", Label: "Id of the run", Autocomplete: "off", Required: true,
			Hint: "What was written since the migration is lost. Type " + run + " to confirm."},
	)
	return &f
}

// migrations shows the schema versions and the last run, and what a run would do if the query has plan.
func (s *Console) migrations(c *gin.Context) error {
	page := migrationsPage{Begin: beginForm()}
	if c.Query("plan") != "" {
		outline, err := s.o.Fleet.Outline(c.Request.Context(), fleet.Plan{})
		if err != nil {
			return err
		}
		page.Outline = outline
	}
	return s.showMigrations(c, http.StatusOK, page)
}

// showMigrations shows the page, whose other fields are set.
func (s *Console) showMigrations(c *gin.Context, status int, page migrationsPage) error {
	ctx := c.Request.Context()
	standings, err := fleet.Status(ctx, s.o.Store)
	if err != nil {
		return err
	}
	run, err := s.readRun(ctx)
	if err != nil {
		return err
	}
	if page.Run != nil && run != nil && page.Run.ID == run.ID {
		run.Revert = page.Run.Revert
	}
	page.Standings, page.Run = standings, run
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
		return s.showMigrations(c, p.Status, migrationsPage{Begin: f})
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
	return s.showMigrations(c, p.Status, migrationsPage{Begin: beginForm(), Problem: p.Detail})
}

// acceptRun removes the copies of a run.
func (s *Console) acceptRun(c *gin.Context) error {
	f := look.NewForm("accept", "/migrations/accept", "Accept", look.Field{Name: "run", Kind: "hidden"})
	if err := f.Read(c); err != nil {
		return err
	}
	_, err := s.o.Fleet.Accept(c.Request.Context(), f.Value("run"))
	return s.answerRun(c, err)
}

// revertRun puts the copies of a run back, in the background, if the run's id was typed.
func (s *Console) revertRun(c *gin.Context) error {
	f := revertForm("")
	if err := f.Read(c); err != nil {
		return err
	}
	run := f.Value("run")
	shown := revertForm(run)
	shown.Set(run, f.Value("tenant"), f.Value("confirm"))
	err := problem.InvalidField("confirm", "must be "+run)
	var forecast *fleet.Reversion
	if f.Value("confirm") == run && run != "" {
		forecast, err = s.o.Fleet.ForecastRevert(c.Request.Context(), run, strings.TrimSpace(f.Value("tenant")), nil)
	}
	if err != nil {
		p := describe(c, err)
		if !shown.Refuse(p) {
			return err
		}
		return s.showMigrations(c, p.Status, migrationsPage{Begin: beginForm(), Run: &runView{Run: fleet.Run{ID: run}, Revert: shown}})
	}
	s.o.Fleet.StartRevert(s.o.Serving, s.by(c), forecast)
	return look.SeeOther(c, "/migrations")
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
