package jobs

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"tenantry/tenants"
)

// Config configures a Runner.
type Config struct {
	// Parallel is how many tenants are worked on at the same time. Defaults to 4.
	Parallel int
	// Grace is how long jobs that run may take after Run is asked to end. Defaults to 10 seconds.
	Grace time.Duration
	// Log gets what went wrong. Defaults to slog.Default().
	Log *slog.Logger
	// Counts counts the attempts. Defaults to counters that are not read.
	Counts *Counts
}

// turn is how long a tenant's jobs are run before those of another tenant that waits.
const turn = 50 * time.Millisecond

// Runner runs the jobs of all tenants whose time has come, in turns: however many jobs a tenant has, those of others
// wait only for a moment. It opens no other tenants. It is safe for concurrent use.
type Runner struct {
	store   *tenants.Store
	workers *Workers
	kinds   []string
	o       Config
	due     chan struct{} // holds a token if jobs without tenant may be due
}

// New returns a Runner.
func New(store *tenants.Store, w *Workers, o Config) *Runner {
	o.Parallel, o.Grace = cmp.Or(o.Parallel, 4), cmp.Or(o.Grace, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Counts == nil {
		o.Counts = &Counts{}
	}
	return &Runner{store: store, workers: w, kinds: w.kinds(), o: o, due: make(chan struct{}, 1)}
}

// Run runs the jobs of tenants until ctx ends, and returns when those that run have ended. Their contexts end after Config.Grace;
// they run again then, after the next start at the latest. Call it once, and before the store is closed.
func (r *Runner) Run(ctx context.Context) {
	r.inParallel(ctx, func(running context.Context) { r.work(ctx, running) })
}

// RunInMaster is Run for jobs without tenant. Their workers are all of RegisterOutside.
func (r *Runner) RunInMaster(ctx context.Context) {
	defer r.store.Master().WatchJobs(r.wake)()
	r.inParallel(ctx, func(running context.Context) { r.workInMaster(ctx, running) })
}

// wake makes a worker look for jobs without tenant.
func (r *Runner) wake() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// inParallel runs work as often as Config.Parallel says. The context that work gets ends some time after ctx.
func (r *Runner) inParallel(ctx context.Context, work func(running context.Context)) {
	if len(r.kinds) == 0 {
		return
	}
	running, end := context.WithCancel(tenants.AsJob(context.WithoutCancel(ctx)))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.o.Grace, end) })()
	var workers sync.WaitGroup
	for range r.o.Parallel {
		workers.Go(func() { work(running) })
	}
	workers.Wait()
}

// work works on one tenant after another until ctx ends. Their jobs end with running.
func (r *Runner) work(ctx, running context.Context) {
	dues := r.store.Dues()
	for {
		id, err := dues.Next(ctx)
		if err != nil {
			return
		}
		home, err := r.find(running, id)
		var next time.Time
		if err == nil {
			next, err = r.drain(ctx, running, home)
		}
		if err != nil {
			dues.GiveBack(id, time.Now().Add(r.pause(running, id, err)))
			continue
		}
		dues.Done(id, next)
	}
}

// masterPoll is the longest time between two looks for jobs without tenant.
const masterPoll = 10 * time.Second

// workInMaster runs jobs without tenant until ctx ends.
func (r *Runner) workInMaster(ctx, running context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		next, err := r.drain(ctx, running, Home{store: r.store})
		pause := masterPoll
		switch {
		case err != nil && running.Err() == nil:
			r.o.Log.WarnContext(ctx, "jobs without tenant can't run", "error", err)
			pause = busyPause
		case err == nil && !next.IsZero():
			pause = min(pause, time.Until(next))
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.due:
		}
	}
}
