package command

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/text"
)

type upCommand struct {
	Tenant      subdomains    `placeholder:"SUBDOMAIN,..." help:"Migrate only these tenants."`
	Except      subdomains    `placeholder:"SUBDOMAIN,..." help:"Leave out these tenants."`
	Server      string        `help:"Migrate only tenants on this server."`
	First       int           `placeholder:"N" help:"Migrate at most this many tenants."`
	RetryFailed bool          `help:"Migrate only tenants whose last migration failed."`
	Canary      subdomains    `placeholder:"SUBDOMAIN,..." help:"Migrate these tenants first, as a wave of their own."`
	Waves       []fleet.Size  `placeholder:"SIZE" help:"The sizes of the next waves: numbers of tenants, or the percentage that is done after the wave, such as 1,10,25%,100%."`
	Pause       time.Duration `placeholder:"DURATION" help:"Wait this long between two waves."`
	MaxFailures *int          `placeholder:"N" help:"Stop after a wave if more tenants than this have failed."`
	MaxSlowdown float64       `placeholder:"N" help:"Stop in the pause after a wave if requests of migrated tenants take more than N times as long as those of the others, at the 95th percentile. Defaults to 2."`
	MaxErrors   float64       `placeholder:"N" help:"Stop in the pause if the share of requests that fail is more than N percentage points larger on migrated tenants. Defaults to 1."`
	MinRequests int           `placeholder:"N" help:"Judge requests only if migrated tenants and the others had N each in the pause. Defaults to 100."`
	NoGate      bool          `help:"Don't compare the requests of migrated tenants with those of the others."`
	Parallel    *int          `placeholder:"N" help:"Migrate this many databases at the same time on each server, up to 64. Defaults to 4."`
	KeepCopies  bool          `help:"Keep a copy of each tenant's database from before its migration, on SQLite, until \"migrate accept\" or \"migrate revert\"."`
	Despite     bool          `name:"despite-older-builds" help:"Migrate although processes of older builds are running that can't serve migrated tenants: they answer 503 for them."`
	Resume      bool          `xor:"run" help:"Go on with the last run, although its gate has closed: the tenants that are left, then those that failed."`
	Abandon     bool          `xor:"run" help:"Give up a run that has stopped or was interrupted, and begin another."`
	DryRun      dryRun        `xor:"run" help:"Change no tenant: apply the migrations to an empty database of each version, or with =data to copies of the tenants at most risk."`
	Seed        uint64        `placeholder:"N" help:"With --dry-run=data: choose the same tenants at random as the rehearsal that printed this number."`
}

// Help is shown with the flags.
func (*upCommand) Help() string {
	return `Each tenant answers 503 while it is migrated. If the migration of a tenant fails, the command names the tenant, which keeps its version, and migrates the others of its wave. Run it again to retry those that failed.

Between two waves the run stops if more tenants than --max-failures have failed, or if in the --pause the requests of migrated tenants fail more often or take longer than those of tenants at older versions, over all processes. A run that has stopped goes on with --resume, and begins no more after --abandon. One that was interrupted goes on with the same command, or with "migrate up" alone, and keeps its settings. Within a wave the newest tenants are migrated first.

--dry-run=data copies, on each server, the largest tenant, the one with the oldest schema, up to 5 whose last migration failed, and 3 at random; or the tenants named by --tenant. It migrates the copies one after another, reports the time, the rows, the locks and the errors, and removes the copies. The tenants are served meanwhile and stay as they are. On SQLite a copy is made only if the disk has room for three of them.

--keep-copies needs room on the disk for all databases that are migrated. The run is taken back with "tenantry migrate revert", which loses what was written since, until "tenantry migrate accept" removes the copies.

Examples:

    tenantry migrate up --dry-run
    tenantry migrate up --dry-run=data --tenant acme
    tenantry migrate up
    tenantry migrate up --tenant acme --tenant globex
    tenantry migrate up --except acme,globex
    tenantry migrate up --canary demo --waves 1,10,25%,100% --pause 10m --max-failures 0
    tenantry migrate up --keep-copies
    tenantry migrate up --resume
    tenantry migrate up --json`
}

type migrated struct {
	// Run is the id of the run, or empty if no tenant was behind.
	Run string `json:"run"`
	// State is the state of the run, and Reason why it stopped.
	State  tenants.RunState `json:"state"`
	Reason string           `json:"reason"`
	// Migrated is the number of tenants that the run has migrated. Failed are those that failed since it was begun or resumed.
	Migrated int64          `json:"migrated"`
	Failed   []failedTenant `json:"failed"`
}

type failedTenant struct {
	Subdomain string `json:"subdomain"`
	Error     string `json:"error"`
	// Advice says what to do before the migration is tried again. It is empty if that is enough.
	Advice string `json:"advice"`
}

// Run migrates the tenants that are behind.
func (u *upCommand) Run(c *Call) error {
	if err := u.check(); err != nil {
		return err
	}
	return c.With(func(a *app.App) error {
		if u.DryRun != "" {
			return u.rehearse(c, a)
		}
		run, err := u.migrate(c, a)
		if clear := a.Manager().ClearTemplates(c.ctx); clear != nil {
			a.Log().WarnContext(c.ctx, "clear templates of other migrations", "error", clear)
		}
		result := migrated{State: tenants.RunDone, Failed: []failedTenant{}}
		var partial *fleet.PartialError
		if errors.As(err, &partial) {
			for _, f := range partial.Failed {
				result.Failed = append(result.Failed, failedTenant{f.Subdomain, f.Err.Error(), f.Advice()})
			}
		}
		switch {
		case run != nil:
			result.Run, result.State, result.Reason, result.Migrated = run.ID, run.State, run.Reason, run.Migrated
		case err != nil:
			return adviseRun(err)
		}
		if run != nil && run.Copies > 0 {
			c.out.Hint("copies from before the migration are kept: %d, with %s; when all is well: tenantry migrate accept; to go back: tenantry migrate revert", run.Copies, sizeText(run.CopyBytes))
		}
		return errors.Join(adviseRun(err), result.write(c.out))
	})
}

// check returns an error if the flags contradict each other.
func (u *upCommand) check() error {
	if u.Resume && (len(u.Tenant) > 0 || len(u.Except) > 0 || u.Server != "" || u.First > 0 || u.RetryFailed || len(u.Canary) > 0) {
		return fmt.Errorf("%w: --resume goes on with the tenants of the last run; it can be given with --waves, --pause, --max-failures, --parallel and the limits of the gate", errUsage)
	}
	if u.Pause < 0 {
		return fmt.Errorf("%w: --pause is %s: want a duration such as 10m", errUsage, u.Pause)
	}
	if u.Seed > 0 && u.DryRun != dryData {
		return fmt.Errorf("%w: --seed is for --dry-run=data", errUsage)
	}
	if u.Parallel != nil && *u.Parallel == 0 {
		return fmt.Errorf("%w: --parallel is 0: want a number from 1", errUsage)
	}
	var plan fleet.Plan
	u.change(&plan)
	plan.First = u.First
	return filterError(plan.Check())
}

// migrate begins or resumes a run.
func (u *upCommand) migrate(c *Call, a *app.App) (*fleet.Run, error) {
	show := c.out.progress()
	progress := func(p fleet.Progress) {
		if p.Note != "" {
			c.out.Hint("%s", p.Note)
			return
		}
		what := "migrate"
		if p.Waves > 1 {
			what = fmt.Sprintf("migrate, wave %d of %d", p.Wave, p.Waves)
		}
		show.step(what, p.Done, p.Total)
	}
	if u.Resume {
		return a.Fleet().Resume(c.ctx, a.By(), u.change, progress)
	}
	if u.Abandon {
		if err := a.Fleet().Abandon(c.ctx); err != nil && !errors.Is(err, fleet.ErrNothingToResume) {
			return nil, err
		}
		hintOtherCopies(c, a)
	}
	plan := fleet.Plan{Tenants: u.Tenant, Except: u.Except, Server: u.Server, Failed: u.RetryFailed, First: u.First, Canaries: u.Canary}
	u.change(&plan)
	run, err := a.Fleet().Migrate(c.ctx, a.By(), plan, progress)
	var stopped *fleet.StoppedError
	if run == nil && errors.As(err, &stopped) && stopped.Interrupted() && stopped.Continues(plan) {
		c.out.Hint("migration run %s was interrupted: this goes on with it, with its settings and those given now", stopped.Run.ID)
		return a.Fleet().Resume(c.ctx, a.By(), u.change, progress)
	}
	return run, err
}

// change puts the flags that a resumed run accepts into its plan.
func (u *upCommand) change(plan *fleet.Plan) {
	if len(u.Waves) > 0 {
		plan.Waves = u.Waves
	}
	if u.Pause != 0 {
		plan.PauseSeconds = int(math.Ceil(u.Pause.Seconds()))
	}
	if u.MaxFailures != nil {
		plan.MaxFailures = u.MaxFailures
	}
	if u.Parallel != nil {
		plan.Parallel = *u.Parallel
	}
	gate := &plan.Gate
	gate.MaxSlowdown, gate.MaxErrors = cmp.Or(u.MaxSlowdown, gate.MaxSlowdown), cmp.Or(u.MaxErrors, gate.MaxErrors)
	gate.MinRequests, gate.Off = cmp.Or(u.MinRequests, gate.MinRequests), u.NoGate || gate.Off
	plan.DespiteOlderBuilds = plan.DespiteOlderBuilds || u.Despite
	plan.KeepCopies = plan.KeepCopies || u.KeepCopies
}

// adviseRun says how to go on after a run could not begin or has stopped.
func adviseRun(err error) error {
	var running *fleet.RunningError
	var stopped *fleet.StoppedError
	var partial *fleet.PartialError
	switch {
	case errors.Is(err, tenants.ErrOlderBuild):
		return fmt.Errorf("%w; stop it first (one that was killed counts for a minute), or let it answer 503 for migrated tenants: --despite-older-builds", err)
	case errors.As(err, &running):
		return fmt.Errorf("%w; wait for it, or stop it: tenantry migrate stop", err)
	case errors.As(err, &stopped):
		return fmt.Errorf("%w; go on with: tenantry migrate up --resume; or begin another: tenantry migrate up --abandon", err)
	case errors.As(err, &partial):
		return fmt.Errorf("%w; when the causes are mended, run: tenantry migrate up --resume", err)
	}
	return err
}

func (m migrated) write(out *Output) error {
	if out.json {
		return out.Document(m)
	}
	for _, f := range m.Failed {
		out.Hint("tenant %s: %s", f.Subdomain, f.Error)
		if f.Advice != "" {
			out.Hint("  what to do: %s", f.Advice)
		}
	}
	return out.Line("%s migrated, %d failed", text.Count(m.Migrated, "tenant"), len(m.Failed))
}
