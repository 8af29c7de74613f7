package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

// Progress reports that a run has finished with one tenant, or with a wave.
type Progress struct {
	// Note is what happens between two waves. Then only Wave and Waves are set beside it.
	Note        string
	Subdomain   string
	Done, Total int
	// Wave is the number of the tenant's wave, from 1, among Waves.
	Wave, Waves int
	// Err is why the tenant could not be migrated. It is nil if it was migrated.
	Err error
}

// Failure is a tenant that could not be migrated.
type Failure struct {
	Subdomain string
	Err       error
}

// PartialError means that some tenants could not be migrated. The others were.
type PartialError struct {
	// Migrated is the number of tenants that the whole run has migrated.
	Migrated int
	// Failed are those that failed since the run was begun or resumed.
	Failed []Failure
}

// Error returns the first failure and the number of the others.
func (e *PartialError) Error() string {
	first := e.Failed[0]
	return fmt.Sprintf("%s migrated, %d failed, the first of them %q: %v",
		text.Count(e.Migrated, "tenant"), len(e.Failed), first.Subdomain, first.Err)
}

// Unwrap returns the failures' causes.
func (e *PartialError) Unwrap() []error {
	causes := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		causes[i] = f.Err
	}
	return causes
}

const (
	// DefaultParallel is the default of Plan.Parallel.
	DefaultParallel = 4
	// inHand is the most tenants in hand for each that is being migrated. Most of them wait until other processes have
	// drained them, and until the ledger has been written for them.
	inHand = 32
	// inHandTime bounds how long tenants in hand, which are not served, wait for their turn: the slower the migrations are,
	// the fewer are in hand.
	inHandTime = 300 * time.Millisecond
	// recordTimeout bounds the time to record the end of a run whose context has ended.
	recordTimeout = 10 * time.Second
	// checkInterval is the time between two looks at whether the run must stop.
	checkInterval = time.Second
)

// Pass is one attempt to finish a run.
type Pass struct {
	*Fleet
	run      *tenants.MigrationRun
	plan     Plan
	targets  []target
	progress func(Progress)
	slots    map[string]*semaphore.Weighted // by server
	tried    int                            // tenants of the run that were tried before this pass and are not tried again
	waves    []int

	mu     sync.Mutex // protects the fields below, and the calls of progress
	done   int
	failed []Failure
	wave   int
}

// Work migrates the tenants of the run, wave by wave, and returns the run when it has ended. It must be called once.
// Each tenant's migration is an operation in the ledger, as in lifecycle.Manager.Migrate. progress may be nil; its
// calls don't overlap.
//
// If tenants could not be migrated, Work goes on with the others of their wave, and returns a *PartialError. It
// returns a *StoppedError, too, if the run stopped: because too many tenants failed, because Stop was called, or
// because ctx ended. Tenants whose migration is under way then are finished or rolled back first.
func (p *Pass) Work(ctx context.Context, progress func(Progress)) (*Run, error) {
	p.progress, p.slots = progress, map[string]*semaphore.Weighted{}
	reason, err := p.goThrough(ctx)
	state := tenants.RunDone
	switch {
	case err != nil:
		state, reason = tenants.RunStopped, err.Error()
	case reason != "":
		state = tenants.RunStopped
	case len(p.failed) > 0:
		state = tenants.RunFailed
	}
	errs := []error{err, p.end(ctx, p.run, state, reason)}
	if state == tenants.RunStopped {
		errs = append(errs, &StoppedError{*p.run})
	}
	ended, err := p.Run(context.WithoutCancel(ctx), p.run.ID)
	if len(p.failed) > 0 {
		errs = append([]error{&PartialError{int(ended.Migrated), p.failed}}, errs...)
	}
	return &ended, errors.Join(append(errs, err)...)
}

// goThrough migrates the targets, wave by wave. It returns why the run must stop before the last wave, or "".
func (p *Pass) goThrough(ctx context.Context) (reason string, err error) {
	if err := p.prepare(ctx); err != nil {
		return "", err
	}
	targets := p.targets
	for len(targets) > 0 {
		size := min(p.nextWave(), len(targets))
		if reason, err = p.migrateWave(ctx, targets[:size]); err != nil || reason != "" {
			return reason, err
		}
		targets = targets[size:]
		if len(targets) == 0 {
			break
		}
		if reason, err = p.gate(ctx); err != nil || reason != "" {
			return reason, err
		}
	}
	return "", nil
}

// prepare divides the run into waves, and makes a bound for each server.
func (p *Pass) prepare(ctx context.Context) error {
	tried, err := p.countTried(ctx, p.run)
	if err != nil {
		return err
	}
	p.tried = tried
	p.waves = p.plan.waves(int(p.run.Total), len(p.plan.Canaries))
	for _, t := range p.targets {
		if t.Tried {
			p.tried--
		}
		if p.slots[t.Server] == nil {
			p.slots[t.Server] = semaphore.NewWeighted(int64(cmp.Or(p.plan.Parallel, DefaultParallel)))
		}
	}
	return nil
}

// nextWave begins the next wave and returns the number of its tenants that are left.
func (p *Pass) nextWave() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := 0
	for i, size := range p.waves {
		end += size
		if before := p.tried + p.done; before < end {
			p.wave = i + 1
			return end - before
		}
	}
	p.wave = len(p.waves)
	return int(p.run.Total)
}

// migrateWave migrates the tenants of a wave. It returns why the run must stop, or "".
func (p *Pass) migrateWave(ctx context.Context, targets []target) (reason string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	over := make(chan struct{})
	defer close(over)
	asked := make(chan struct{})
	watching.Go(func() { p.watch(ctx, over, asked, stop) })

	p.migrateAll(ctx, asked, targets)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errNotOurs):
		return "", cause
	case cause != nil:
		return interrupted, nil
	case isClosed(asked):
		return p.run.Reason, nil
	}
	return "", nil
}

// migrateAll migrates targets until asked is closed or ctx ends.
func (p *Pass) migrateAll(ctx context.Context, asked <-chan struct{}, targets []target) {
	room := semaphore.NewWeighted(int64(inHand * cmp.Or(p.plan.Parallel, DefaultParallel) * len(p.slots)))
	ledger := p.manager.NewRunLedger()
	var working sync.WaitGroup
	defer working.Wait()
	for i := range targets {
		share := shareOf(ledger.MeanTime())
		if room.Acquire(ctx, share) != nil || isClosed(asked) {
			return
		}
		working.Go(func() {
			defer room.Release(share)
			in := lifecycle.InRun{ID: p.run.ID, Slots: p.slots[targets[i].Server], KeepCopies: p.plan.KeepCopies, Ledger: ledger}
			_, err := p.manager.MigrateInRun(ctx, lifecycle.Operator(p.run.By), in, targets[i].ID)
			p.finish(&targets[i], err)
		})
	}
}

// shareOf returns the share of a tenant in what is in hand, so that those in hand wait for inHandTime, or for two
// migrations if that is longer. mean is how long a migration takes.
func shareOf(mean time.Duration) int64 {
	const atLeast = 2
	return min(1+int64(inHand*mean/inHandTime), inHand/atLeast)
}

func (p *Pass) finish(t *target, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed = append(p.failed, Failure{t.Subdomain, err})
	}
	if p.progress != nil {
		p.progress(Progress{
			Subdomain: t.Subdomain, Done: min(p.tried+p.done, int(p.run.Total)), Total: int(p.run.Total),
			Wave: p.wave, Waves: len(p.waves), Err: err,
		})
	}
}

// note reports what happens between two waves, in the log if nothing else receives the progress.
func (p *Pass) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.progress == nil {
		p.log.Info(text, "run", p.run.ID)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress(Progress{Note: text, Wave: p.wave, Waves: len(p.waves)})
}

// errNotOurs means that this process was counted as dead and another one works on the run.
var errNotOurs = errors.New("another process has taken the run over")

// watch closes asked when the run is to stop, and cancels the wave when the run is no longer this process's.
func (p *Pass) watch(ctx context.Context, over <-chan struct{}, asked chan<- struct{}, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := p.read(ctx)
		switch {
		case errors.Is(err, errNotOurs):
			stop(err)
			return
		case err != nil:
			continue // the master may answer again
		case now.State == tenants.RunStopping:
			p.run.Reason = now.Reason
			close(asked)
			return
		}
	}
}

// read returns the run as it is in the master. Returns errNotOurs if another process works on it.
func (p *Pass) read(ctx context.Context) (run tenants.MigrationRun, err error) {
	err = p.store.Master().View(ctx, func(tx *gorm.DB) error { return tx.Take(&run, "id = ?", p.run.ID).Error })
	if err == nil && (run.InstanceID == nil || *run.InstanceID != *p.run.InstanceID) {
		err = errNotOurs
	}
	return run, err
}

// end records the end of the run, even if ctx has ended.
func (f *Fleet) end(ctx context.Context, run *tenants.MigrationRun, state tenants.RunState, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	owner := run.InstanceID
	err := f.store.Master().Update(ctx, func(tx *gorm.DB) error {
		now, err := f.store.Master().Now(tx)
		if err != nil {
			return err
		}
		run.State, run.Reason, run.InstanceID, run.UpdatedAt, run.FinishedAt = state, reason, nil, now, &now
		if state == tenants.RunStopped {
			run.FinishedAt = nil
		}
		result := tx.Model(&tenants.MigrationRun{}).Where("id = ? AND instance_id = ?", run.ID, owner).
			Select("state", "reason", "instance_id", "updated_at", "finished_at").Updates(run)
		if result.Error == nil && result.RowsAffected == 0 {
			return errNotOurs
		}
		return result.Error
	})
	if err != nil {
		return fmt.Errorf("record the end of migration run %s: %w", run.ID, err)
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
