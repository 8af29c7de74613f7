package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// TestMasterSchema: the master's table is that of Row, as Migrations makes it.
func TestMasterSchema(t *testing.T) {
	t.Parallel()
	master := tenants.MasterSchema()
	master.Models = append(master.Models, &jobs.Row{})
	tenantstest.CheckSchema(t, master, tenantstest.SchemaOptions{WithoutModel: []string{"registry_changes"}})
}

// runInMaster runs jobs without tenant until the test ends, or stop is called.
func runInMaster(t testing.TB, env *tenantstest.Env, w *jobs.Workers) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		jobs.New(env.Store, w, jobs.Config{Grace: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}).RunInMaster(ctx)
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

func enqueueInMaster(t testing.TB, env *tenantstest.Env, args jobs.Args, o jobs.Options) {
	t.Helper()
	must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return jobs.Enqueue(tx, args, o) }))
}

// inMaster returns the jobs without tenant.
func inMaster(t testing.TB, env *tenantstest.Env) []jobs.Row {
	t.Helper()
	found, _, err := jobs.List(t.Context(), env.Store, nil, "", "", 1000)
	must(t, err)
	return found
}

func awaitInMaster(t testing.TB, env *tenantstest.Env, want int) []jobs.Row {
	t.Helper()
	return wait.For(t, fmt.Sprintf("%d jobs without tenant", want), func() []jobs.Row { return inMaster(t, env) }, func(found []jobs.Row) bool {
		return len(found) == want
	})
}

// TestJobsWithoutTenant run in every process that has workers, each once, if the scope that wrote them commits; they are tried again,
// discarded with the error, and run again when an operator says so.
func TestJobsWithoutTenant(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		r, w := newRan(), jobs.NewWorkers()
		jobs.RegisterOutside(w, func(_ context.Context, job *jobs.Job[attempt]) error {
			if job.Home.Tenant != nil {
				t.Errorf("tenant: %+v", job.Home.Tenant)
			}
			defer r.note(fmt.Sprint(job.Args.Name, job.Attempt))
			switch {
			case job.Args.Name == "fails" && job.Attempt < 3:
				return errors.ErrUnsupported
			case job.Args.Name == "gives up" && r.count("gives up1") == 0:
				return jobs.Discard(errors.ErrUnsupported)
			}
			return nil
		}, jobs.Work{MaxAttempts: 3, Backoff: func(int64) time.Duration { return time.Millisecond }})
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			must(t, jobs.Enqueue(tx, attempt{"refused"}, jobs.Options{}))
			return errors.ErrUnsupported
		})
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		runInMaster(t, env, w)
		runInMaster(t, env.Beside(t, tenantstest.Options{Schema: schema(t)}), w)
		want := []string{"fails3", "gives up1"}
		for i := range 20 {
			name := fmt.Sprint("job", i, "-")
			want = append(want, name+"1")
			enqueueInMaster(t, env, attempt{name}, jobs.Options{})
		}
		enqueueInMaster(t, env, attempt{"gives up"}, jobs.Options{UniqueKey: "a"})
		enqueueInMaster(t, env, attempt{"fails"}, jobs.Options{})
		r.await(t, want...)
		left := awaitInMaster(t, env, 1)
		if left[0].State != jobs.Discarded || left[0].Error != errors.ErrUnsupported.Error() {
			t.Errorf("left: %+v", left)
		}
		for _, name := range want {
			if n := r.count(name); n != 1 || r.count("refused1") > 0 {
				t.Errorf("%s ran %d times", name, n)
			}
		}
		n, err := jobs.Retry(t.Context(), env.Store, nil, left[0].ID)
		if err != nil || n != 1 {
			t.Errorf("%d jobs run again, %v", n, err)
		}
		awaitInMaster(t, env, 0)
	})
}

// TestWorkOutsideHoldsNoScope: while a job waits for another machine, its tenant is written, also by the job. A job that is cut
// off by the end of its process has the attempt again, at once.
func TestWorkOutsideHoldsNoScope(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r, w, written := env.Tenant(t, "acme"), newRan(), jobs.NewWorkers(), make(chan struct{})
		folder := func(name string) tenants.Func {
			return func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error }
		}
		jobs.RegisterOutside(w, func(ctx context.Context, job *jobs.Job[attempt]) error {
			r.note(fmt.Sprint(job.Args.Name, job.Attempt))
			if job.Args.Name == "is cut off" && r.count("is cut off1") == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			if job.Home.Tenant != nil {
				select {
				case <-written:
				case <-ctx.Done():
				}
			}
			return job.Home.View(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
		}, jobs.Work{Deadline: 5 * time.Second})
		run(t, env, w)
		enqueue(t, env, tenant, attempt{"waits"}, jobs.Options{})
		r.await(t, "waits1")
		must(t, env.Store.Update(t.Context(), tenant, folder("beside")))
		close(written)
		awaitNone(t, env, tenant)

		stop := runInMaster(t, env, w)
		enqueueInMaster(t, env, attempt{"is cut off"}, jobs.Options{})
		r.await(t, "is cut off1")
		stop()
		if left := inMaster(t, env); len(left) != 1 || left[0].Attempt != 0 || left[0].ScheduledAt.After(time.Now()) {
			t.Errorf("left: %+v", left)
		}
		runInMaster(t, env, w)
		awaitInMaster(t, env, 0)
		if n := r.count("is cut off1"); n != 2 {
			t.Errorf("the first attempt was made %d times", n)
		}
	})
}

// TestAttemptsAreCountedBeforeTheyBegin: a job whose process ended in each of its attempts is discarded before it is run again.
func TestAttemptsAreCountedBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, w, counted := env.Tenant(t, "acme"), jobs.NewWorkers(), make(chan int64, 1)
		jobs.RegisterOutside(w, func(_ context.Context, job *jobs.Job[attempt]) error {
			counted <- rows(t, env, tenant)[0].Attempt // the row is there while its job runs
			return nil
		}, jobs.Work{})
		jobs.Register(w, func(context.Context, *gorm.DB, *jobs.Job[step]) error {
			t.Error("a job ran that had no attempts left")
			return nil
		}, jobs.Work{MaxAttempts: 3})
		run(t, env, w)
		enqueue(t, env, tenant, attempt{}, jobs.Options{})
		if n := <-counted; n != 1 {
			t.Errorf("%d attempts are stored while the first one runs", n)
		}
		awaitNone(t, env, tenant)
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			must(t, jobs.Enqueue(tx, step{}, jobs.Options{}))
			return tx.Model(&jobs.Row{}).Where("kind = 'step'").Update("attempt", 3).Error
		}))
		awaitDiscarded(t, env, tenant, 1)
	})
}
