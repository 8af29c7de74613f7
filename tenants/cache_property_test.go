package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// tally is what a tenant's database has: whose it is, and how many writes were committed there.
type tally struct {
	tenant string
	n      int
}

// ledger knows which tallies a reader may get of a tenant.
type ledger struct {
	tenant *tenants.Tenant
	floor  atomic.Int64 // the last commit of the reader's process
	mu     sync.Mutex
	others []commit // those of another process, in their order
}

type commit struct {
	n  int
	at time.Time // after the commit
}

// least returns the oldest tally that a View which begins now may get from a cache.
func (l *ledger) least(maxAge time.Duration) int {
	n, now := int(l.floor.Load()), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.others {
		if now.Sub(c.at) > maxAge {
			n = max(n, c.n)
		}
	}
	return n
}

// TestCacheUnderWrites has readers get a tally from a cache, while their own process and another one write it or roll back,
// and operators suspend the tenants and move one to another server. No reader gets another tenant's tally, what was never
// committed, what its View doesn't see yet, what its process has replaced, or what another process replaced MaxAge ago.
func TestCacheUnderWrites(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Second: tenantstest.SQLite})
		other := env.Beside(t, tenantstest.Options{})
		r := &cacheRun{t: t, cache: tenants.NewCache[string, tally](tenants.CacheOptions{MaxAge: cacheAge})}
		for _, name := range []string{"acme", "globex"} {
			l := &ledger{tenant: env.Tenant(t, name)}
			if err := env.Store.Update(t.Context(), l.tenant, func(tx *gorm.DB) error {
				return tx.Create(&notes.Folder{Name: name, Remark: "0"}).Error
			}); err != nil {
				t.Fatal(err)
			}
			r.ledgers = append(r.ledgers, l)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 4 {
			r.running.Go(func() { r.repeat(ctx, func(l *ledger) error { return r.read(ctx, env, l) }) })
		}
		r.running.Go(func() {
			r.repeat(ctx, func(l *ledger) error {
				err := r.write(ctx, env, l, func(n int) { l.floor.Store(int64(n)) })
				time.Sleep(rand.N(4 * time.Millisecond)) // so that some values are read twice
				return err
			})
		})
		r.running.Go(func() {
			r.repeat(ctx, func(l *ledger) error {
				err := r.write(ctx, other, l, func(n int) { l.others = append(l.others, commit{n, time.Now()}) })
				time.Sleep(rand.N(10 * time.Millisecond))
				return err
			})
		})
		r.operate(env, "acme", tenantstest.Second)
		r.operate(env, "globex", "")
		cancel()
		r.running.Wait()
		stats := env.Store.CacheStats()
		t.Logf("%+v", stats)
		if stats.Hits == 0 || stats.Misses == 0 {
			t.Errorf("nothing was tried: %+v", stats)
		}
	})
}

// cacheAge is the MaxAge of the cache under test.
const cacheAge = 30 * time.Millisecond

type cacheRun struct {
	t       *testing.T
	cache   *tenants.Cache[string, tally]
	ledgers []*ledger
	running sync.WaitGroup
}

// repeat calls f on tenants until ctx ends. Tenants that operators work on are refused for a while.
func (r *cacheRun) repeat(ctx context.Context, f func(l *ledger) error) {
	for ctx.Err() == nil && !r.t.Failed() {
		err := f(r.ledgers[rand.IntN(len(r.ledgers))])
		if err != nil && ctx.Err() == nil && !errors.Is(err, tenants.ErrMaintenance) && !errors.Is(err, tenants.ErrSuspended) && !errors.Is(err, errOwn) {
			r.t.Error(err)
			return
		}
	}
}

func tallyOf(tx *gorm.DB) (got tally, err error) {
	var folder notes.Folder
	err = tx.Take(&folder).Error
	_, scanned := fmt.Sscan(folder.Remark, &got.n)
	got.tenant = folder.Name
	return got, errors.Join(err, scanned)
}

// read gets the tally from the cache in a View.
func (r *cacheRun) read(ctx context.Context, env *tenantstest.Env, l *ledger) error {
	return env.Store.View(ctx, l.tenant, func(tx *gorm.DB) error {
		least := l.least(cacheAge)
		got, err := r.cache.Get(tx, "tally", func() (tally, error) { return tallyOf(tx) })
		if err != nil {
			return err
		}
		now, err := tallyOf(tx)
		if err == nil && (got.tenant != l.tenant.Subdomain || got.n < least || got.n > now.n) {
			r.t.Errorf("%s: got %+v; the View sees %d, and less than %d is too old", l.tenant.Subdomain, got, now.n, least)
		}
		return err
	})
}

// write increases the tally and tells it to committed, or rolls back.
func (r *cacheRun) write(ctx context.Context, env *tenantstest.Env, l *ledger, committed func(n int)) error {
	l.mu.Lock() // the tallies of both processes are told in their order
	defer l.mu.Unlock()
	var now tally
	fails := rand.IntN(3) == 0
	err := env.Store.Update(ctx, l.tenant, func(tx *gorm.DB) (err error) {
		if now, err = tallyOf(tx); err != nil {
			return err
		}
		now.n++
		if fails {
			now.n += 1_000_000
		}
		if err := tx.Model(&notes.Folder{}).Where("name = ?", now.tenant).Update("remark", fmt.Sprint(now.n)).Error; err != nil {
			return err
		}
		got, err := r.cache.Get(tx, "tally", func() (tally, error) { return tallyOf(tx) })
		switch {
		case err != nil:
			return err
		case got != now:
			r.t.Errorf("%s: got %+v in an Update that wrote %+v", l.tenant.Subdomain, got, now)
		case fails:
			return errOwn
		}
		return nil
	})
	if err == nil {
		committed(now.n)
	}
	return err
}

// operate suspends and resumes the tenant, and moves it if a server is given.
func (r *cacheRun) operate(env *tenantstest.Env, subdomain, server string) {
	r.t.Helper()
	ctx := r.t.Context()
	_, err := env.Lifecycle.Suspend(ctx, "ada", subdomain)
	if err == nil {
		_, err = env.Lifecycle.Resume(ctx, "ada", subdomain)
	}
	if err == nil && server != "" {
		_, err = env.Lifecycle.Move(ctx, "ada", subdomain, server)
	}
	if err != nil {
		r.t.Error(err)
	}
}
