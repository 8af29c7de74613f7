// Package fleet runs migrations over many tenants.
//
//	plan.go     which tenants, and in which waves
//	targets.go  the tenants that are left
//	fleet.go    begins, resumes and stops a run
//	run.go      goes through the waves of a run
//	gate.go     waits between two waves, and says whether the next one may begin
//	advice.go   says what to do about a tenant that failed
//	runs.go     lists the runs and their tenants
//	status.go   counts the tenants by schema version
//	forecast.go what the pending migrations would do, from the schema and the sizes
//	undo.go     what undoing the last migrations of a tenant would do
//	copies.go   keeps copies of databases from before a run, and removes them when it is accepted
//	revert.go   puts the copies back
//	rehearse.go tries the pending migrations on copies of tenants
package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Fleet runs migrations over the tenants of a store. It is safe for concurrent use.
type Fleet struct {
	store   *tenants.Store
	manager *lifecycle.Manager
	log     *slog.Logger
	running sync.WaitGroup // of Start
}

// New returns a Fleet of the tenants in store. log receives what can't be returned to a caller.
func New(store *tenants.Store, manager *lifecycle.Manager, log *slog.Logger) *Fleet {
	return &Fleet{store: store, manager: manager, log: log}
}

// RunningError means that a run is under way in a living process.
type RunningError struct{ Run tenants.MigrationRun }

// Error says who began the run and when.
func (e *RunningError) Error() string {
	return fmt.Sprintf("migration run %s is under way since %s, begun by %s", e.Run.ID, e.Run.StartedAt.UTC().Format(time.RFC3339), e.Run.By)
}

// StoppedError means that a run stopped before its last wave. It can be resumed.
type StoppedError struct{ Run tenants.MigrationRun }

// Error says why the run stopped.
func (e *StoppedError) Error() string {
	return fmt.Sprintf("migration run %s stopped: %s", e.Run.ID, cmp.Or(e.Run.Reason, interrupted))
}

// Interrupted reports whether the run stopped because its process was asked to end, or died.
func (e *StoppedError) Interrupted() bool {
	return e.Run.Reason == interrupted || e.Run.State == tenants.RunRunning
}

// Continues reports whether the plan asks for the same tenants as the run's, or for none in particular, so that going on with
// the run is what it asks for.
func (e *StoppedError) Continues(plan Plan) bool {
	var old Plan
	if json.Unmarshal([]byte(e.Run.Plan), &old) != nil {
		return false
	}
	selection := func(p Plan) Plan {
		return Plan{Tenants: p.Tenants, Except: p.Except, Server: p.Server, Failed: p.Failed, First: p.First, Canaries: p.Canaries}
	}
	asked := selection(plan)
	return reflect.DeepEqual(asked, Plan{}) || reflect.DeepEqual(asked, selection(old))
}

// ErrNothingToResume means that there is no run, or that the last one migrated all of its tenants or was abandoned.
var ErrNothingToResume = errors.New("there is no migration run to resume")

// UnknownError names tenants of a plan that don't exist.
type UnknownError struct {
	// Field is the field of the plan: tenants, except or canaries.
	Field      string
	Subdomains []string
}

// Error names them.
func (e *UnknownError) Error() string {
	return "no such tenants: " + strings.Join(e.Subdomains, ", ")
}

// interrupted is the reason of a run whose process was asked to end.
const interrupted = "it was interrupted"

// Migrate is Begin and then Work. It returns a nil run if no tenant was behind.
func (f *Fleet) Migrate(ctx context.Context, by lifecycle.Operator, plan Plan, progress func(Progress)) (*Run, error) {
	return work(ctx, progress, func() (*Pass, error) { return f.Begin(ctx, by, plan) })
}

// Resume is BeginAgain and then Work.
func (f *Fleet) Resume(ctx context.Context, by lifecycle.Operator, change func(*Plan), progress func(Progress)) (*Run, error) {
	return work(ctx, progress, func() (*Pass, error) { return f.BeginAgain(ctx, by, change) })
}

func work(ctx context.Context, progress func(Progress), begin func() (*Pass, error)) (*Run, error) {
	pass, err := begin()
	if err != nil || pass == nil {
		return nil, err
	}
	return pass.Work(ctx, progress)
}

// Start is Work in the background, until ctx ends.
func (p *Pass) Start(ctx context.Context) {
	p.running.Go(func() {
		run, err := p.Work(ctx, nil)
		p.log.InfoContext(ctx, "migration run ended", "run", run.ID, "state", run.State, "tenants", run.Total,
			"migrated", run.Migrated, "failed", run.Failed, "error", err)
	})
}

// Wait waits for what Start has started. The contexts must end first.
func (f *Fleet) Wait() { f.running.Wait() }

// Begin begins a run, which the caller must work on. It doesn't open tenants that are up to date according to the
// master, and returns nil without one that is behind.
//
// Returns a *RunningError if a living process has an unfinished run, a *StoppedError if the last run stopped or its process
// died, and it was not abandoned, an *UnknownError if the plan names tenants
// that don't exist, a *tenants.OlderBuildError unless the plan allows that, the error of Plan.Check, and tenants.ErrFull if
// the copies that the plan wants have no room.
func (f *Fleet) Begin(ctx context.Context, by lifecycle.Operator, plan Plan) (*Pass, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	if err := errors.Join(f.checkNames(ctx, "tenants", plan.Tenants), f.checkNames(ctx, "except", plan.Except), f.checkNames(ctx, "canaries", plan.Canaries)); err != nil {
		return nil, err
	}
	run := &tenants.MigrationRun{ID: strings.ToLower(ulid.Make().String()), By: string(by)}
	targets, err := f.targets(ctx, run, plan)
	if err != nil {
		return nil, err
	}
	if plan.First > 0 {
		targets = targets[:min(plan.First, len(targets))]
	}
	if len(targets) == 0 {
		return nil, f.settle(ctx)
	}
	if err := errors.Join(f.checkOlderBuilds(ctx, plan), f.checkCopies(ctx, plan, targets)); err != nil {
		return nil, err
	}
	run.Total = int64(len(targets))
	plan.Canaries = slices.DeleteFunc(slices.Clone(plan.Canaries), func(subdomain string) bool {
		return !slices.ContainsFunc(targets, func(t target) bool { return t.Subdomain == subdomain })
	})
	if err := f.begin(ctx, run, plan); err != nil {
		return nil, err
	}
	return &Pass{Fleet: f, run: run, plan: plan, targets: targets}, nil
}

// settle records that a run that stopped is done, if no tenant is left because they were migrated otherwise, for example by a
// repair. Else the next run, of another release, would be taken for its continuation.
func (f *Fleet) settle(ctx context.Context) error {
	left, err := f.targets(ctx, &tenants.MigrationRun{}, Plan{})
	if err != nil || len(left) > 0 {
		return err
	}
	return f.change(ctx, func(tx *gorm.DB, run *tenants.MigrationRun, living bool) error {
		if run == nil || run.FinishedAt != nil || living {
			return nil
		}
		run.State, run.Reason, run.InstanceID, run.FinishedAt = tenants.RunDone, "", nil, &run.UpdatedAt
		return tx.Save(run).Error
	})
}

// BeginAgain takes over the last run, which the caller must work on: the tenants that are left, and then those that
// failed. It passes a gate that has closed. change changes the run's plan before that; it may be nil. Returns
// ErrNothingToResume if there is no such run, a *RunningError if a living process works on it, and a
// *tenants.OlderBuildError as Begin does.
func (f *Fleet) BeginAgain(ctx context.Context, by lifecycle.Operator, change func(*Plan)) (*Pass, error) {
	var plan Plan
	run, err := f.takeOver(ctx, by, func(run *tenants.MigrationRun) error {
		plan = Plan{}
		if err := json.Unmarshal([]byte(run.Plan), &plan); err != nil {
			return fmt.Errorf("plan of run %s: %w", run.ID, err)
		}
		if change != nil {
			change(&plan)
		}
		return errors.Join(plan.Check(), setPlan(run, plan))
	})
	if err != nil {
		return nil, err
	}
	if err := f.checkOlderBuilds(ctx, plan); err != nil {
		return nil, errors.Join(err, f.end(ctx, run, tenants.RunStopped, err.Error()))
	}
	targets, err := f.left(ctx, run, plan)
	if err == nil {
		if err := f.checkCopies(ctx, plan, targets); err != nil {
			return nil, errors.Join(err, f.end(ctx, run, tenants.RunStopped, err.Error()))
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.end(ctx, run, tenants.RunStopped, "the tenants that are left could not be listed"))
	}
	return &Pass{Fleet: f, run: run, plan: plan, targets: targets}, nil
}

// checkOlderBuilds returns a *tenants.OlderBuildError if a process is alive that couldn't serve the tenants any more,
// unless the plan allows that.
func (f *Fleet) checkOlderBuilds(ctx context.Context, plan Plan) error {
	if plan.DespiteOlderBuilds {
		return nil
	}
	return f.store.CheckOlderBuilds(ctx)
}

// left returns the targets of a run that was begun before, without those beyond the first that the plan asks for.
func (f *Fleet) left(ctx context.Context, run *tenants.MigrationRun, plan Plan) ([]target, error) {
	targets, err := f.targets(ctx, run, plan)
	if err != nil || plan.First == 0 {
		return targets, err
	}
	tried, err := f.countTried(ctx, run)
	return slices.DeleteFunc(targets, func(t target) bool {
		if !t.Tried {
			tried++
		}
		return !t.Tried && tried > plan.First
	}), err
}

// Stop makes the unfinished run stop, in whichever process it runs: no other tenant is begun. Returns
// ErrNothingToResume if no run is unfinished. A run whose process died is stopped when Stop returns.
func (f *Fleet) Stop(ctx context.Context, by lifecycle.Operator) error {
	return f.change(ctx, func(tx *gorm.DB, run *tenants.MigrationRun, living bool) error {
		switch {
		case run == nil || run.FinishedAt != nil:
			return ErrNothingToResume
		case run.State == tenants.RunStopped:
			return nil
		case living:
			run.State = tenants.RunStopping
		default:
			run.State, run.InstanceID = tenants.RunStopped, nil
		}
		run.Reason = fmt.Sprintf("%s stopped it", by)
		return tx.Save(run).Error
	})
}

// Abandon ends a stopped run for good, so that another one can begin. Returns ErrNothingToResume if no run is
// unfinished, and a *RunningError if it is under way.
func (f *Fleet) Abandon(ctx context.Context) error {
	return f.change(ctx, func(tx *gorm.DB, run *tenants.MigrationRun, living bool) error {
		switch {
		case run == nil || run.FinishedAt != nil:
			return ErrNothingToResume
		case living:
			return &RunningError{*run}
		}
		run.State, run.InstanceID, run.FinishedAt = tenants.RunAbandoned, nil, &run.UpdatedAt
		return tx.Save(run).Error
	})
}

// begin records a new run of this process.
func (f *Fleet) begin(ctx context.Context, run *tenants.MigrationRun, plan Plan) error {
	if err := setPlan(run, plan); err != nil {
		return err
	}
	return f.change(ctx, func(tx *gorm.DB, last *tenants.MigrationRun, living bool) error {
		now, err := f.store.Master().Now(tx)
		if err != nil {
			return err
		}
		switch {
		case last == nil || last.FinishedAt != nil:
		case living:
			return &RunningError{*last}
		default:
			return &StoppedError{*last}
		}
		f.own(run)
		run.StartedAt, run.UpdatedAt = now, now
		return tx.Create(run).Error
	})
}

// takeOver makes this process work on the last run.
func (f *Fleet) takeOver(ctx context.Context, by lifecycle.Operator, prepare func(*tenants.MigrationRun) error) (run *tenants.MigrationRun, err error) {
	err = f.change(ctx, func(tx *gorm.DB, last *tenants.MigrationRun, living bool) error {
		switch {
		case last == nil || last.State == tenants.RunDone || last.State == tenants.RunAbandoned:
			return ErrNothingToResume
		case living:
			return &RunningError{*last}
		}
		run = last
		f.own(run)
		run.By, run.Reason, run.FinishedAt, run.AcceptedAt = string(by), "", nil, nil
		if err := prepare(run); err != nil {
			return err
		}
		return tx.Save(run).Error
	})
	return run, err
}

// own makes this process the run's owner.
func (f *Fleet) own(run *tenants.MigrationRun) {
	id := f.store.Process().ID()
	run.State, run.InstanceID = tenants.RunRunning, &id
}

// change calls f with the last run, or nil if there is none, in a scope that no other process can be in at the
// same time. living reports whether a living process works on the run.
func (f *Fleet) change(ctx context.Context, do func(tx *gorm.DB, last *tenants.MigrationRun, living bool) error) error {
	master := f.store.Master()
	err := master.Update(ctx, func(tx *gorm.DB) error {
		var last []tenants.MigrationRun
		if err := tx.Order("id DESC").Limit(1).Find(&last).Error; err != nil {
			return err
		}
		if len(last) == 0 {
			return do(tx, nil, false)
		}
		now, err := master.Now(tx)
		if err != nil {
			return err
		}
		living, err := f.isAlive(tx, &last[0])
		if err != nil {
			return err
		}
		last[0].UpdatedAt = now
		return do(tx, &last[0], living)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return fmt.Errorf("%w: another process has just begun a migration run", tenants.ErrBusy)
	}
	return err
}

// isAlive reports whether a living process works on the run.
func (f *Fleet) isAlive(tx *gorm.DB, run *tenants.MigrationRun) (bool, error) {
	if run.InstanceID == nil {
		return false, nil
	}
	living, err := f.store.Master().Living(tx)
	for i := range living {
		if living[i].ID == *run.InstanceID {
			return true, err
		}
	}
	return false, err
}

// setPlan stores the plan in the run.
func setPlan(run *tenants.MigrationRun, plan Plan) error {
	text, err := json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	run.Plan = string(text)
	return nil
}

// checkNames returns an *UnknownError if there are no such tenants.
func (f *Fleet) checkNames(ctx context.Context, field string, subdomains []string) error {
	var unknown []string
	for _, subdomain := range subdomains {
		_, err := f.manager.Get(ctx, subdomain)
		switch {
		case errors.Is(err, tenants.ErrUnknownTenant):
			unknown = append(unknown, subdomain)
		case err != nil:
			return err
		}
	}
	if len(unknown) > 0 {
		return &UnknownError{field, unknown}
	}
	return nil
}
