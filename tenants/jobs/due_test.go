package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// commits is a tracer that calls before for each COMMIT of a scope on a tenant, before it is sent, and counts the scopes on the
// master that have recorded that the process takes care of tenants.
type commits struct {
	before atomic.Pointer[func(tenant string)]
	taken  atomic.Int64
}

// committing is the context key of the tenant's subdomain, and taking that of whether a scope on the master takes tenants.
type (
	committing struct{}
	taking     struct{}
)

func (c *commits) Scope(ctx context.Context, t *tenants.Tenant) (context.Context, func(tenants.Outcome, time.Duration)) {
	return context.WithValue(ctx, committing{}, t.Subdomain), func(tenants.Outcome, time.Duration) {}
}

func (c *commits) Master(ctx context.Context) (context.Context, func(bool)) {
	takes := new(atomic.Bool)
	return context.WithValue(ctx, taking{}, takes), func(failed bool) {
		if takes.Load() && !failed {
			c.taken.Add(1)
		}
	}
}

func (c *commits) Step(ctx context.Context, _ *tenants.Tenant, _ tenants.OperationKind, _ string) (context.Context, func(bool)) {
	return ctx, func(bool) {}
}

func (c *commits) Statement(ctx context.Context, text string) func(bool) {
	before := c.before.Load()
	if tenant, ok := ctx.Value(committing{}).(string); ok && text == "COMMIT" && before != nil {
		(*before)(tenant)
	}
	if takes, ok := ctx.Value(taking{}).(*atomic.Bool); ok && strings.HasPrefix(text, `INSERT INTO "due"`) || ok && strings.HasPrefix(text, "INSERT INTO `due`") {
		takes.Store(true)
	}
	return func(bool) {}
}

// dueRows returns how many rows of the tenant's the master has for the process.
func dueRows(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) (n int64) {
	t.Helper()
	must(t, env.Store.Master().View(context.Background(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Due{}).Where("tenant_id = ? AND instance_id = ?", tenant.ID, env.Store.Process().ID()).Count(&n).Error
	}))
	return n
}

// awaitDueRows waits until the master has so many of them.
func awaitDueRows(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, want int64) {
	t.Helper()
	what := fmt.Sprintf("%d rows of the process for %s", want, tenant.Subdomain)
	wait.For(t, what, func() int64 { return dueRows(t, env, tenant) }, func(n int64) bool { return n == want })
}

// TestMasterKnowsOfJobsBeforeTheCommit, however the scope came to write its job, and although the process gives tenants back at
// once, because it runs no jobs.
func TestMasterKnowsOfJobsBeforeTheCommit(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		tracer := &commits{}
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: schema(t), Tracer: tracer})
		tenant, other := env.Tenant(t, "acme"), env.Tenant(t, "other")
		seen := 0
		before := func(subdomain string) {
			if subdomain != tenant.Subdomain {
				return
			}
			seen++
			enqueue(t, env, other, step{}, jobs.Options{})
			awaitDueRows(t, env, other, 0) // what can be given back now has been
			if n := dueRows(t, env, tenant); n != 1 {
				t.Errorf("%d rows before COMMIT", n)
			}
		}
		tracer.before.Store(&before)
		taken := func() { // since the last COMMIT; the row may be gone again
			t.Helper()
			wait.Until(t, "the master to be told of the job", func() bool { return tracer.taken.Swap(0) > 0 })
		}
		write := func(name string, f func(tx *gorm.DB)) {
			must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { f(tx); return nil }))
			if seen != 1 {
				t.Errorf("%s: %d COMMITs were seen", name, seen)
			}
			seen = 0
			awaitDueRows(t, env, tenant, 0)
			tracer.taken.Store(0)
		}
		write("one job", func(tx *gorm.DB) { must(t, jobs.Enqueue(tx, step{}, jobs.Options{})) })
		write("given back between the job and the end of the scope", func(tx *gorm.DB) {
			must(t, jobs.Enqueue(tx, step{}, jobs.Options{}))
			taken()
			awaitDueRows(t, env, tenant, 0)
		})
		write("another job in a savepoint that is rolled back", func(tx *gorm.DB) {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				must(t, jobs.Enqueue(tx, step{}, jobs.Options{}))
				return errors.ErrUnsupported
			})
			taken()
			must(t, jobs.Enqueue(tx, step{}, jobs.Options{}))
		})
	})
}

// TestScopesThatWaitForTheMasterTogether: the end of one ends no other, and none is stored before the master knows.
func TestScopesThatWaitForTheMasterTogether(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		all := make([]*tenants.Tenant, 5)
		for i := range all {
			all[i] = env.Tenant(t, fmt.Sprint("t", i))
		}
		held, free := make(chan struct{}), make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() { // keeps the write for the first tenant waiting, and with it those for the others
			must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				row := tenants.Due{TenantID: all[0].ID, InstanceID: env.Store.Process().ID(), At: time.Now()}
				must(t, tx.Create(&row).Error)
				close(held)
				<-free
				return nil
			}))
		})
		<-held
		leaving, leave := context.WithCancel(t.Context())
		gone := make(chan struct{})
		var errs [5]error
		for i, tenant := range all {
			ctx, wrote := t.Context(), make(chan struct{})
			if i == 1 {
				ctx = leaving
			}
			running.Go(func() {
				errs[i] = env.Store.Update(ctx, tenant, func(tx *gorm.DB) error {
					defer close(wrote)
					return jobs.Enqueue(tx, step{}, jobs.Options{})
				})
				if i == 1 {
					close(gone)
				}
			})
			<-wrote
		}
		leave()
		<-gone
		close(free)
		running.Wait()
		for i, tenant := range all {
			stored := len(rows(t, env, tenant)) == 1
			if refused := i == 1; stored == refused || errors.Is(errs[i], context.Canceled) != refused {
				t.Errorf("%s: stored %v, %v", tenant.Subdomain, stored, errs[i])
			}
		}
	})
}
