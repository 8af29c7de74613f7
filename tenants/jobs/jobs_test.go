package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// schema is that of notes, with jobs.
func schema(t testing.TB) tenants.Schema {
	t.Helper()
	s := notes.Schema()
	s.Models, s.NotCloned = append(s.Models, &jobs.Row{}), []string{jobs.Row{}.TableName()}
	for dialect, own := range jobs.Migrations() {
		files := fstest.MapFS{}
		for folder, rename := range map[fs.FS]string{s.Migrations[dialect]: "", own: "00003_jobs.sql"} {
			must(t, fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				data, err := fs.ReadFile(folder, name)
				if rename != "" {
					name = rename
				}
				files[name] = &fstest.MapFile{Data: data}
				return err
			}))
		}
		s.Migrations[dialect] = files
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSchema: the migrations make the table that the model says.
func TestSchema(t *testing.T) {
	t.Parallel()
	tenantstest.CheckSchema(t, schema(t), tenantstest.SchemaOptions{})
}

// step is a job that says that it ran.
type step struct{ Name string }

func (step) Kind() string { return "step" }

// ran counts the jobs that ran, by tenant and name.
type ran struct {
	mu    sync.Mutex
	names []string
}

func newRan() *ran { return &ran{} }

func (r *ran) note(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, name)
}

func (r *ran) count(name string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, each := range r.names {
		if each == name {
			n++
		}
	}
	return n
}

// await waits until all the names ran.
func (r *ran) await(t testing.TB, names ...string) {
	t.Helper()
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return r.count(name) > 0 })
	}
	wait.For(t, fmt.Sprintf("all jobs of %q", names), missing, func(missing []string) bool { return len(missing) == 0 })
}

// steps returns workers that note the jobs that ran.
func steps(r *ran) *jobs.Workers {
	w := jobs.NewWorkers()
	jobs.Register(w, func(_ context.Context, tx *gorm.DB, job *jobs.Job[step]) error {
		tenants.AfterCommit(tx, func(context.Context) { r.note(job.Args.Name) })
		return tx.Create(&notes.Folder{Name: job.ID, Remark: job.Args.Name}).Error // its name is unique
	}, jobs.Work{})
	return w
}

// run runs jobs until the test ends.
func run(t testing.TB, env *tenantstest.Env, w *jobs.Workers) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { jobs.New(env.Store, w, jobs.Config{Log: slog.New(slog.DiscardHandler)}).Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
}

func enqueue(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, args jobs.Args, o jobs.Options) {
	t.Helper()
	must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return jobs.Enqueue(tx, args, o) }))
}

// rows returns the jobs in the tenant's database.
func rows(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) (found []jobs.Row) {
	t.Helper()
	must(t, env.Store.Maintain(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Order("id").Find(&found).Error }))
	return found
}

// TestJobsRunIfTheirScopeCommits, and never if it doesn't, also if only the savepoint was rolled back. Their rows are
// gone then, and nothing is due any more.
func TestJobsRunIfTheirScopeCommits(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		run(t, env, steps(r))
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			must(t, jobs.Enqueue(tx, step{"refused"}, jobs.Options{}))
			return errors.ErrUnsupported
		})
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			must(t, jobs.Enqueue(tx, step{"kept"}, jobs.Options{}))
			_ = tx.Transaction(func(tx *gorm.DB) error {
				must(t, jobs.Enqueue(tx, step{"undone"}, jobs.Options{}))
				return errors.ErrUnsupported
			})
			return nil
		}))
		r.await(t, "kept")
		enqueue(t, env, tenant, step{"last"}, jobs.Options{})
		r.await(t, "last")
		if r.count("refused") > 0 || r.count("undone") > 0 || r.count("kept") != 1 {
			t.Errorf("ran: %q", r.names)
		}
		if left := rows(t, env, tenant); len(left) > 0 {
			t.Errorf("left: %+v", left)
		}
	})
}

// TestJobsOfAnotherProcess start within a second after the commit of a process that runs none: the fastest of some, because a
// busy machine holds others up.
func TestJobsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		run(t, env.Beside(t, tenantstest.Options{Schema: schema(t)}), steps(r))
		fastest := time.Hour
		for i := range 3 {
			name := fmt.Sprint(i)
			enqueue(t, env, tenant, step{name}, jobs.Options{})
			begun := time.Now()
			r.await(t, name)
			fastest = min(fastest, time.Since(begun))
		}
		if fastest > time.Second {
			t.Errorf("started %v after the commit", fastest)
		}
	})
}

// TestNoJobIsLostToALookBeforeTheCommit: the tenant's jobs are looked at while the scope that writes one is open.
func TestNoJobIsLostToALookBeforeTheCommit(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		run(t, env.Beside(t, tenantstest.Options{Schema: schema(t)}), steps(r))
		must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tenants.SetDue(tx, time.Now(), tenant.ID) }))
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			must(t, jobs.Enqueue(tx, step{"job"}, jobs.Options{}))
			awaitDue(t, env, 0)
			return nil
		}))
		r.await(t, "job")
		awaitDue(t, env, 0)
	})
}

// awaitDue waits until the master has so many rows of due tenants.
func awaitDue(t testing.TB, env *tenantstest.Env, want int64) {
	t.Helper()
	wait.For(t, fmt.Sprintf("%d due tenants", want), func() (n int64) {
		must(t, env.Store.Master().View(t.Context(), func(tx *gorm.DB) error { return tx.Model(&tenants.Due{}).Count(&n).Error }))
		return n
	}, func(n int64) bool { return n == want })
}

// TestJobsAreSharedByProcesses: two of them run the jobs of one tenant, each job once.
func TestJobsAreSharedByProcesses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		other := env.Beside(t, tenantstest.Options{Schema: schema(t)})
		run(t, env, steps(r))
		run(t, other, steps(r))
		var names []string
		for i := range 40 {
			names = append(names, fmt.Sprint(i))
			enqueue(t, []*tenantstest.Env{env, other}[i%2], tenant, step{names[i]}, jobs.Options{})
		}
		r.await(t, names...)
		for _, name := range names {
			if n := r.count(name); n != 1 {
				t.Errorf("job %s ran %d times", name, n)
			}
		}
	})
}

// TestJobsWaitForTheirTime, and a restart of the process finds those of tenants that it doesn't take care of any more.
func TestJobsWaitForTheirTime(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		at := time.Now().Add(1500 * time.Millisecond)
		enqueue(t, env, tenant, step{"later"}, jobs.Options{ScheduledAt: at})
		run(t, env.Beside(t, tenantstest.Options{Schema: schema(t)}), steps(r))
		enqueue(t, env, tenant, step{"now"}, jobs.Options{})
		r.await(t, "now")
		if r.count("later") > 0 && time.Now().Before(at) {
			t.Error("a job ran before its time")
		}
		r.await(t, "later")
		if time.Now().Before(at) {
			t.Error("a job ran before its time")
		}
	})
}

// TestUniqueJobs: of those with one key, only one waits.
func TestUniqueJobs(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		for range 3 {
			enqueue(t, env, tenant, step{"one"}, jobs.Options{UniqueKey: "a"})
		}
		enqueue(t, env, tenant, step{"other"}, jobs.Options{UniqueKey: "b"})
		if found := rows(t, env, tenant); len(found) != 2 {
			t.Errorf("%d jobs wait, want 2", len(found))
		}
		run(t, env, steps(r))
		awaitNone(t, env, tenant)
		enqueue(t, env, tenant, step{"again"}, jobs.Options{UniqueKey: "a"})
		r.await(t, "one", "other", "again")
	})
}

func awaitNone(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	awaitRows(t, env, tenant, 0)
}

// TestJobsOfASuspendedTenantWait, and run when it is resumed.
func TestJobsOfASuspendedTenantWait(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, beside, r := env.Tenant(t, "acme"), env.Tenant(t, "globex"), newRan()
		_, err := env.Lifecycle.Suspend(t.Context(), "operator", "acme")
		must(t, err)
		must(t, env.Store.Maintain(t.Context(), tenant, func(tx *gorm.DB) error { return jobs.Enqueue(tx, step{"waits"}, jobs.Options{}) }))
		run(t, env, steps(r))
		enqueue(t, env, beside, step{"runs"}, jobs.Options{})
		r.await(t, "runs")
		if r.count("waits") > 0 {
			t.Error("a job of a suspended tenant ran")
		}
		_, err = env.Lifecycle.Resume(t.Context(), "operator", "acme")
		must(t, err)
		r.await(t, "waits")
	})
}

// attempt is a job that fails as its worker says.
type attempt struct{ Name string }

func (attempt) Kind() string { return "attempt" }

// TestJobsThatFail are tried again, and discarded after the last attempt; nothing that an attempt did is stored.
func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r, w := env.Tenant(t, "acme"), newRan(), jobs.NewWorkers()
		jobs.Register(w, func(ctx context.Context, tx *gorm.DB, job *jobs.Job[attempt]) error {
			defer r.note(fmt.Sprint(job.Args.Name, job.Attempt))
			must(t, tx.Create(&notes.Folder{Name: fmt.Sprint(job.Args.Name, job.Attempt)}).Error)
			switch {
			case job.Args.Name == "panics":
				panic("worker")
			case job.Args.Name == "hangs":
				<-ctx.Done()
				return nil
			case job.Args.Name == "gives up":
				return jobs.Discard(errors.ErrUnsupported)
			case job.Args.Name == "breaks off":
				return tx.Exec("INSERT INTO nowhere VALUES (1)").Error
			case job.Attempt < 3:
				return errors.ErrUnsupported
			}
			return nil
		}, jobs.Work{Deadline: 300 * time.Millisecond, MaxAttempts: 3, Backoff: func(int64) time.Duration { return time.Millisecond }})
		names := []string{"fails", "panics", "hangs", "gives up", "breaks off"}
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			for _, name := range names {
				must(t, jobs.Enqueue(tx, attempt{name}, jobs.Options{}))
			}
			return nil
		}))
		run(t, env, w)
		r.await(t, "fails3", "panics3", "hangs3", "gives up1", "breaks off3")
		want := map[string]string{
			"panics": "the worker panicked: worker", "hangs": "the attempt reached its deadline of 300ms",
			"gives up": errors.ErrUnsupported.Error(), "breaks off": "nowhere",
		}
		awaitDiscarded(t, env, tenant, len(want))
		for _, row := range rows(t, env, tenant) {
			var args attempt
			must(t, json.Unmarshal([]byte(row.Args), &args))
			if text, ok := want[args.Name]; !ok || !strings.Contains(row.Error, text) {
				t.Errorf("%s: %+v", args.Name, row)
			}
		}
		var folders []string
		must(t, env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Pluck("name", &folders).Error }))
		if len(folders) != 1 || folders[0] != "fails3" || r.count("gives up2") > 0 {
			t.Errorf("stored: %q", folders)
		}
	})
}

// awaitDiscarded waits until the tenant has so many jobs, all of them discarded.
func awaitDiscarded(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, want int) {
	t.Helper()
	wait.For(t, fmt.Sprintf("%d discarded jobs", want), func() []jobs.Row { return rows(t, env, tenant) }, func(found []jobs.Row) bool {
		return len(found) == want && !slices.ContainsFunc(found, func(r jobs.Row) bool { return r.State != jobs.Discarded })
	})
}

// TestSchedules come back, also after an occurrence that was discarded, until they end.
func TestSchedules(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r, w := env.Tenant(t, "acme"), newRan(), jobs.NewWorkers()
		jobs.Register(w, func(_ context.Context, _ *gorm.DB, job *jobs.Job[attempt]) error {
			defer r.note(job.Args.Name)
			if job.Args.Name == "fails" {
				return jobs.Discard(errors.ErrUnsupported)
			}
			return nil
		}, jobs.Work{})
		zone := time.FixedZone("Europe/Berlin", 3600)
		schedule := func(name, expression string) {
			must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return jobs.Schedule(tx, name, expression, zone, attempt{name}) }))
		}
		schedule("works", "0 0 1 1 *")
		schedule("works", "30 7 * * *")
		schedule("fails", "30 7 * * *")
		before := rows(t, env, tenant)
		if len(before) != 2 {
			t.Fatalf("schedules: %+v", before)
		}
		past := func(tx *gorm.DB) error {
			tenants.MarkDue(tx, time.Now())
			return tx.Model(&jobs.Row{}).Where("state = 'available'").Update("scheduled_at", time.Now().UTC().Add(-72*time.Hour)).Error
		}
		must(t, env.Store.Update(t.Context(), tenant, past))
		run(t, env, w)
		r.await(t, "works", "fails")
		for _, row := range awaitRows(t, env, tenant, 3) {
			if row.State == jobs.Discarded {
				continue
			}
			local := row.ScheduledAt.In(berlin(t))
			if local.Hour() != 7 || local.Minute() != 30 || !row.ScheduledAt.After(time.Now()) || row.ID == before[0].ID || row.ID == before[1].ID {
				t.Errorf("the next occurrence: %+v", row)
			}
		}
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return jobs.Unschedule(tx, "works", attempt{}) }))
		awaitRows(t, env, tenant, 2)
	})
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	return zone
}

// awaitRows waits until the tenant has so many jobs.
func awaitRows(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, want int) []jobs.Row {
	t.Helper()
	return wait.For(t, fmt.Sprintf("%d jobs", want), func() []jobs.Row { return rows(t, env, tenant) }, func(found []jobs.Row) bool {
		return len(found) == want
	})
}

// TestSchedulesInTheTenantsZone follow the setting, at once after Reschedule.
func TestSchedulesInTheTenantsZone(t *testing.T) {
	t.Parallel()
	type settings struct {
		Zone string `json:"zone"`
	}
	o := tenantstest.Options{Schema: schema(t)}
	o.Settings = tenants.NewSettings(tenants.SettingsOptions[settings]{Defaults: settings{"UTC"}, Zone: func(s settings) *time.Location {
		zone, err := time.LoadLocation(s.Zone)
		must(t, err)
		return zone
	}})
	tenantstest.Each(t, o, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		expect := func(want string) {
			t.Helper()
			found := rows(t, env, acme)
			if len(found) != 1 || found[0].ScheduledAt.UTC().Format("15:04") != want {
				t.Errorf("%+v, want one at %s", found, want)
			}
		}
		must(t, env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error { return jobs.Schedule(tx, "daily", "30 7 * * *", nil, attempt{"daily"}) }))
		expect("07:30")
		acme, err := env.Lifecycle.SetSettings(t.Context(), "ada", "acme", env.Store.ReadSettings(map[string]string{"zone": "Asia/Tokyo"}))
		must(t, err)
		must(t, env.Store.Update(t.Context(), acme, jobs.Reschedule))
		expect("22:30")
	})
}

// TestBadSchedules are refused when they are written.
func TestBadSchedules(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: schema(t)})
	tenant := env.Tenant(t, "acme")
	for _, expression := range []string{"", "* * * *", "61 * * * *", "0 0 31 2 *", "often"} {
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return jobs.Schedule(tx, "x", expression, time.UTC, step{}) })
		if err == nil {
			t.Errorf("schedule %q was accepted", expression)
		}
	}
}

// TestOneTenantsJobsDontHoldUpAnothers: a job of one tenant comes while thousands of another's wait.
func TestOneTenantsJobsDontHoldUpAnothers(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		crowd, alone, r := env.Tenant(t, "crowd"), env.Tenant(t, "alone"), newRan()
		var all []jobs.Row
		now := time.Now().UTC().Truncate(time.Microsecond)
		for i := range 10_000 {
			all = append(all, jobs.Row{
				ID: fmt.Sprintf("%026d", i), Kind: "step", Args: `{"Name":"crowd"}`, State: jobs.Available, ScheduledAt: now, CreatedAt: now, UpdatedAt: now,
			})
		}
		must(t, env.Store.Update(t.Context(), crowd, func(tx *gorm.DB) error {
			tenants.MarkDue(tx, now)
			return tx.CreateInBatches(all, 500).Error
		}))
		run(t, env, steps(r))
		r.await(t, "crowd")
		begun := time.Now()
		enqueue(t, env, alone, step{"alone"}, jobs.Options{})
		r.await(t, "alone")
		t.Logf("the one job ran after %v, when %d of 10,000 others had run", time.Since(begun).Round(time.Millisecond), r.count("crowd"))
		if r.count("crowd") == len(all) {
			t.Error("all jobs of the other tenant ran first")
		}
	})
}

// TestIdleTenantsAreNotOpened, although they will have jobs. Those whose jobs have run are not even in the list that is read.
func TestIdleTenantsAreNotOpened(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		r := newRan()
		busy := env.Tenant(t, "busy")
		other := env.Beside(t, tenantstest.Options{Schema: schema(t)})
		for i := range 3 {
			tenant := env.Tenant(t, fmt.Sprintf("idle%d", i))
			enqueue(t, env, tenant, step{"future"}, jobs.Options{ScheduledAt: time.Now().Add(time.Hour)})
		}
		run(t, other, steps(r))
		enqueue(t, env, busy, step{"busy"}, jobs.Options{})
		r.await(t, "busy")
		if load := other.Store.Load(); load.Opened != 1 {
			t.Errorf("%d tenants were opened, want the one with a job", load.Opened)
		}
		awaitDue(t, env, 3) // those whose jobs are to come
	})
}
