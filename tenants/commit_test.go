package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/pgproxy"
	"tenantry/tenants/tenantstest/wait"
)

// proxied is a store on Postgres behind a proxy, with one tenant.
type proxied struct {
	*tenantstest.Env
	proxy    *pgproxy.Proxy
	tenant   *tenants.Tenant
	database string // where the tenant is
}

func newProxied(t *testing.T, engine tenantstest.Engine) *proxied {
	t.Helper()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	env := tenantstest.New(t, tenantstest.Options{
		Engine: engine, Through: proxy.Through, Grace: 10 * time.Millisecond, InstanceTTL: 6 * time.Second, // a loaded machine makes the tenant within it
	})
	p := &proxied{Env: env, proxy: proxy, tenant: env.Tenant(t, "acme")}
	must(t, env.Store.View(t.Context(), p.tenant, func(tx *gorm.DB) error { return tx.Raw("SELECT current_database()").Scan(&p.database).Error }))
	return p
}

// eachPlacement runs f as a parallel subtest on each placement.
func eachPlacement(t *testing.T, name string, f func(t *testing.T, engine tenantstest.Engine)) {
	t.Helper()
	for _, engine := range []tenantstest.Engine{tenantstest.Postgres, tenantstest.Schemas} {
		t.Run(path.Join(name, string(engine)), func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

// outcome is the outcome of an Update, as its caller and its hooks saw it.
type outcome struct {
	err                   error
	committed, rolledBack bool
}

// begin runs an Update that adds a folder, in the background, until its COMMIT
// is at the proxy. ended is closed when the scope's context has ended.
func (p *proxied) begin(ctx context.Context, t *testing.T) (at *pgproxy.Commit, ended <-chan struct{}, over <-chan outcome) {
	t.Helper()
	p.proxy.Arm(p.database)
	defer p.proxy.Arm("")
	done, scope := make(chan outcome, 1), make(chan context.Context, 1)
	go func() {
		var o outcome
		o.err = p.Store.Update(ctx, p.tenant, func(tx *gorm.DB) error {
			scope <- tx.Statement.Context
			tenants.AfterCommit(tx, func(context.Context) { o.committed = true })
			tenants.AfterRollback(tx, func(context.Context, error) { o.rolledBack = true })
			return addFolder(tx, "a")
		})
		done <- o
	}()
	select {
	case at = <-p.proxy.Commits:
		return at, (<-scope).Done(), done
	case o := <-done:
		t.Fatalf("the scope ended before its COMMIT: %v", o.err)
		return nil, nil, nil
	}
}

// awaitStored waits until others see the row.
func (p *proxied) awaitStored(t *testing.T) {
	t.Helper()
	wait.Until(t, "the row to be stored", func() bool { return folders(t, p.Env, p.tenant) == "a" })
}

// interruptions end a scope whose COMMIT is under way.
func interruptions() map[string]func(t *testing.T, p *proxied, cancel context.CancelCauseFunc) {
	return map[string]func(t *testing.T, p *proxied, cancel context.CancelCauseFunc){
		"the scope's timeout":  func(_ *testing.T, _ *proxied, cancel context.CancelCauseFunc) { cancel(context.DeadlineExceeded) },
		"a caller who leaves":  func(_ *testing.T, _ *proxied, cancel context.CancelCauseFunc) { cancel(nil) },
		"the end of the grace": suspendMeanwhile,
		"a lapse":              lapse,
	}
}

// suspendMeanwhile begins an operation that drains the tenant.
func suspendMeanwhile(t *testing.T, p *proxied, _ context.CancelCauseFunc) {
	suspended := make(chan error, 1)
	go func() {
		_, err := p.Lifecycle.Suspend(context.Background(), lifecycle.System, "acme")
		suspended <- err
	}()
	t.Cleanup(func() {
		if err := <-suspended; err != nil {
			t.Errorf("suspend: %v", err)
		}
	})
}

// lapse has the process lose its row among the instances.
func lapse(t *testing.T, p *proxied, _ context.CancelCauseFunc) {
	err := p.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Where("true").Delete(&tenants.Instance{}).Error
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNothingEndsACommit holds that whatever ends a scope leaves its COMMIT
// alone, and that the caller and the hooks hear what became of that.
func TestNothingEndsACommit(t *testing.T) {
	t.Parallel()
	endings := map[string]struct {
		finish func(t *testing.T, p *proxied, at *pgproxy.Commit)
		want   outcome
	}{
		"the answer comes late": {func(_ *testing.T, _ *proxied, at *pgproxy.Commit) { at.Release() }, outcome{committed: true}},
		"the answer is cut": {func(t *testing.T, p *proxied, at *pgproxy.Commit) {
			at.Cut()
		}, outcome{err: tenants.ErrCommitUnknown}},
	}
	for interruption, interrupt := range interruptions() {
		for ending, e := range endings {
			engine := tenantstest.Postgres
			if interruption == "a caller who leaves" { // the others end the scope in the same way
				engine = tenantstest.Schemas
			}
			t.Run(interruption+", "+ending, func(t *testing.T) {
				t.Parallel()
				p := newProxied(t, engine)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				at, ended, over := p.begin(ctx, t)
				at.Deliver()
				p.awaitStored(t)
				interrupt(t, p, cancel)
				<-ended
				e.finish(t, p, at)
				if got := <-over; !errors.Is(got.err, e.want.err) || got.committed != e.want.committed || got.rolledBack {
					t.Errorf("got %+v, want %+v", got, e.want)
				}
			})
		}
	}
}

// TestOutcomeOfACommit breaks the connection at every moment of a COMMIT.
func TestOutcomeOfACommit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		harm   func(t *testing.T, p *proxied, at *pgproxy.Commit)
		stored string
		slow   bool
	}{
		"before it reaches the server": {func(_ *testing.T, _ *proxied, at *pgproxy.Commit) { at.Cut() }, "", false},
		"after it took effect": {func(t *testing.T, p *proxied, at *pgproxy.Commit) {
			at.Deliver()
			p.awaitStored(t)
			at.Cut()
		}, "a", false},
		"never, and there is no answer": {func(t *testing.T, p *proxied, at *pgproxy.Commit) {
			at.Deliver()
			t.Cleanup(at.Release)
		}, "a", true},
	}
	for name, test := range tests {
		eachPlacement(t, name, func(t *testing.T, engine tenantstest.Engine) {
			if engine == tenantstest.Schemas && test.slow && os.Getenv("TENANTRY_TEST_LONG") == "" {
				t.Skip("waits for CommitTime as the other placement does: set TENANTRY_TEST_LONG")
			}
			p := newProxied(t, engine)
			at, _, over := p.begin(t.Context(), t)
			test.harm(t, p, at)
			got := <-over
			if !errors.Is(got.err, tenants.ErrCommitUnknown) || got.committed || got.rolledBack {
				t.Errorf("got %+v", got)
			}
			for _, again := range []error{tenants.ErrRetryable, tenants.ErrUnavailable, tenants.ErrCommitFailed, context.DeadlineExceeded} {
				if errors.Is(got.err, again) {
					t.Errorf("%v matches %v", got.err, again)
				}
			}
			if got := folders(t, p.Env, p.tenant); got != test.stored {
				t.Errorf("stored %q, want %q", got, test.stored)
			}
			if err := p.Store.Update(t.Context(), p.tenant, func(tx *gorm.DB) error { return addFolder(tx, "next") }); err != nil {
				t.Errorf("next scope: %v", err)
			}
		})
	}
}

// TestSwallowedServer holds up nothing beyond the deadline of a scope, and the scopes after it work.
func TestSwallowedServer(t *testing.T) {
	t.Parallel()
	eachPlacement(t, "", testSwallowedServer)
}

func testSwallowedServer(t *testing.T, engine tenantstest.Engine) {
	proxy := pgproxy.New(t, pgcluster.URL(t))
	env := tenantstest.New(t, tenantstest.Options{Engine: engine, Through: proxy.Through, InstanceTTL: time.Hour})
	tenant := env.Tenant(t, "acme")
	add := func(name string, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return env.Store.Update(ctx, tenant, func(tx *gorm.DB) error { return addFolder(tx, name) })
	}
	if err := add("a", time.Minute); err != nil {
		t.Fatal(err)
	}
	proxy.Swallow()
	begun := time.Now()
	for range 3 {
		if err := add("b", time.Second); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, tenants.ErrUnavailable) && !errors.Is(err, tenants.ErrBusy) {
			t.Errorf("while nothing arrives: %v", err)
		}
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("three scopes with a second each took %v", took)
	}
	proxy.Release()
	wait.Until(t, "the tenant to be served with the server back", func() bool { return add("c", time.Minute) == nil })
	if got := folders(t, env, tenant); got != "a c" {
		t.Errorf("stored %q", got)
	}
}

// TestMasterDoesNotRunAgainWhatMayBeStored cuts the answer to a COMMIT in the
// master.
func TestMasterDoesNotRunAgainWhatMayBeStored(t *testing.T) {
	t.Parallel()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, Through: proxy.Through, InstanceTTL: time.Hour})
	var database string
	err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
		return tx.Raw("SELECT current_database()").Scan(&database).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	for try := range 10 {
		proxy.Arm(database)
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			at := <-proxy.Commits
			proxy.Arm("")
			at.Deliver()
			at.Cut()
		}()
		runs := 0
		err = env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			runs++
			return tx.Create(&tenants.RetiredSubdomain{Subdomain: fmt.Sprint("a", try), TenantID: "a"}).Error
		})
		if <-cut; err == nil && runs == 1 {
			continue // the COMMIT that was cut is one of the process's own, such as its heartbeat's
		}
		if !errors.Is(err, tenants.ErrCommitUnknown) || runs != 1 {
			t.Errorf("%d runs, %v", runs, err)
		}
		return
	}
	t.Error("no COMMIT of the test's was cut")
}

// TestTheReportIsTrue cancels scopes at all moments, on both engines: what the
// caller and the hooks hear is what is stored.
func TestTheReportIsTrue(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		var told, undone atomic.Int64
		for i := range 300 {
			name := fmt.Sprintf("p%03d", i)
			ctx, cancel := context.WithCancel(t.Context())
			err := env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
				tenants.AfterCommit(tx, func(context.Context) { told.Add(1) })
				tenants.AfterRollback(tx, func(context.Context, error) { undone.Add(1) })
				time.AfterFunc(time.Duration(i%60)*20*time.Microsecond, cancel)
				return addFolder(tx, name)
			})
			cancel()
			var stored int64
			if err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
				return tx.Model(&notes.Folder{}).Where("name = ?", name).Count(&stored).Error
			}); err != nil {
				t.Fatal(err)
			}
			if (err == nil) != (stored == 1) || err == nil && told.Swap(0) != 1 || err != nil && told.Load() != 0 {
				t.Fatalf("%s: got %v, %d are stored", name, err, stored)
			}
		}
		t.Logf("%d were rolled back", undone.Load())
	})
}
