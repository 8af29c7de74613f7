package tenants_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// cached is a cache of one tenant's folders, counted, with what a test does with it.
type cached struct {
	t        *testing.T
	store    *tenants.Store
	tenant   *tenants.Tenant
	cache    *tenants.Cache[string, int64]
	computed atomic.Int64 // how many values were computed
}

func newCached(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, o tenants.CacheOptions) *cached {
	return &cached{t: t, store: env.Store, tenant: tenant, cache: tenants.NewCache[string, int64](o)}
}

// get returns the number of folders from the cache.
func (c *cached) get(tx *gorm.DB, key string) (int64, error) {
	return c.cache.Get(tx, key, func() (int64, error) { return c.count(tx) })
}

func (c *cached) count(tx *gorm.DB) (n int64, err error) {
	c.computed.Add(1)
	return n, tx.Model(&notes.Folder{}).Count(&n).Error
}

// view gets the number in a View, and wants it, computed since the last call so many times.
func (c *cached) view(want, computed int64) {
	c.t.Helper()
	before, got := c.computed.Load(), int64(0)
	c.do(c.store.View(c.t.Context(), c.tenant, func(tx *gorm.DB) (err error) {
		got, err = c.get(tx, "n")
		return err
	}))
	if n := c.computed.Load() - before; got != want || n != computed {
		c.t.Errorf("%d, computed %d times; want %d, %d times", got, n, want, computed)
	}
}

func (c *cached) add(name string) {
	c.t.Helper()
	c.do(c.store.Update(c.t.Context(), c.tenant, func(tx *gorm.DB) error { return addFolder(tx, name) }))
}

func (c *cached) do(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Error(err)
	}
}

// beside runs f in another goroutine, as another request, while a scope of the caller's waits.
func beside(f func()) {
	var other sync.WaitGroup
	other.Go(f)
	other.Wait()
}

// TestCache holds when a value is computed, and that it is right at once after every scope of the process.
func TestCache(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
		c.view(0, 1)
		c.view(0, 0)
		c.add("a")
		c.view(1, 1)
		err := c.store.Update(t.Context(), c.tenant, func(tx *gorm.DB) error {
			if err := addFolder(tx, "b"); err != nil {
				return err
			}
			if n, err := c.get(tx, "n"); n != 2 || err != nil {
				t.Errorf("own writes: %d, %v", n, err)
			}
			return errOwn
		})
		if !errors.Is(err, errOwn) {
			t.Fatal(err)
		}
		c.view(1, 0) // what was rolled back ends no value, and left none
		c.do(c.store.Update(t.Context(), c.tenant, func(tx *gorm.DB) error {
			n, err := c.get(tx, "n")
			if n != 1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			return errors.Join(err, addFolder(tx, "c"))
		}))
		c.view(2, 1)
		other := newCached(t, env, env.Tenant(t, "globex"), tenants.CacheOptions{})
		other.cache = c.cache
		other.view(0, 1)
		c.view(2, 0)
		c.do(c.store.CloseIdle(t.Context(), c.tenant.ID))
		c.view(2, 1)
	})
}

// TestCacheAcrossACommit has a commit come into a View: before it gets a value, and while the value is computed.
// Neither value is stored.
func TestCacheAcrossACommit(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
		ctx := t.Context()
		var direct, got int64
		c.do(c.store.View(ctx, c.tenant, func(tx *gorm.DB) (err error) {
			if direct, err = c.count(tx); err != nil {
				return err
			}
			beside(func() { c.add("a"); c.view(1, 1) })
			if got, err = c.get(tx, "n"); err != nil {
				return err
			}
			direct, err = c.count(tx)
			return err
		}))
		if got != direct {
			t.Errorf("got %d in a View that sees %d", got, direct)
		}
		c.view(1, 0) // what the older View computed is not stored
		c.add("b")
		c.do(c.store.View(ctx, c.tenant, func(tx *gorm.DB) error {
			_, err := c.cache.Get(tx, "n", func() (int64, error) {
				n, err := c.count(tx)
				beside(func() { c.add("c") })
				return n, err
			})
			return err
		}))
		c.view(3, 1)
	})
}

// TestCacheComputesOnce has two Views miss one key at the same time.
func TestCacheComputesOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
		c.view(0, 1)
		c.add("a")
		const views = 2 // Postgres gives a tenant few connections
		var here, all sync.WaitGroup
		here.Add(views)
		got, before := make([]int64, views), c.computed.Load()
		for i := range views {
			all.Go(func() {
				begun := false
				arrive := func() {
					if !begun {
						begun = true
						here.Done()
					}
				}
				defer arrive()
				c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) (err error) {
					arrive()
					got[i], err = c.cache.Get(tx, "n", func() (int64, error) { here.Wait(); return c.count(tx) })
					return err
				}))
			})
		}
		all.Wait()
		if n := c.computed.Load() - before; n != 1 {
			t.Errorf("computed %d times", n)
		}
		for _, n := range got {
			if n != 1 {
				t.Errorf("got %d", got)
			}
		}
	})
}

// TestCacheFailures holds that neither an error, a panic nor a statement that failed leaves a value, or keeps others
// waiting.
func TestCacheFailures(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
		for name, compute := range map[string]func(tx *gorm.DB) (int64, error){
			"error":     func(*gorm.DB) (int64, error) { return 7, errOwn },
			"panic":     func(*gorm.DB) (int64, error) { panic("own") },
			"exit":      func(*gorm.DB) (int64, error) { runtime.Goexit(); return 7, nil },
			"statement": func(tx *gorm.DB) (int64, error) { _ = tx.Exec("SELECT * FROM nothing").Error; return 7, nil },
		} {
			beside(func() {
				defer func() { _ = recover() }()
				_ = c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error {
					_, err := c.cache.Get(tx, name, func() (int64, error) { return compute(tx) })
					return err
				})
			})
			c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error {
				if n, err := c.get(tx, name); n != 0 || err != nil {
					t.Errorf("after %s: %d, %v", name, n, err)
				}
				return nil
			}))
		}
	})
}

// TestCacheNested has a computation get other values from the cache, also its own.
func TestCacheNested(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
	c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error {
		got, err := c.cache.GetAll(tx, []string{"a", "b", "a"}, func(missing []string) (map[string]int64, error) {
			if len(missing) != 2 {
				t.Errorf("missing: %q", missing)
			}
			inner, err := c.get(tx, "a")
			return map[string]int64{"a": inner + 1}, err
		})
		if got["a"] != 1 || got["b"] != 0 || len(got) != 2 {
			t.Errorf("%v", got)
		}
		return err
	}))
}

// TestCacheInScopesWithinScopes has a computation begin a scope with another context, in which the value is wanted that is being
// computed: it is computed there, and nothing waits for itself.
func TestCacheInScopesWithinScopes(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error {
			n, err := c.cache.Get(tx, "n", func() (n int64, err error) {
				err = c.store.View(ctx, c.tenant, func(inner *gorm.DB) error {
					n, err = c.get(inner, "n")
					return err
				})
				return n + 7, err
			})
			if n != 7 {
				t.Errorf("got %d", n)
			}
			return err
		}))
		if n := c.computed.Load(); n != 1 {
			t.Errorf("computed %d times within", n)
		}
		c.view(7, 0)
	})
}

// TestCacheBounds fills the cache beyond its bound for one tenant: its oldest values go, and no other tenant's.
func TestCacheBounds(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{MaxAge: time.Hour, Entries: 2})
	other := newCached(t, env, env.Tenant(t, "globex"), tenants.CacheOptions{})
	other.cache = c.cache
	other.view(0, 1)
	c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error {
		for _, key := range []string{"n", "x", "n", "y", "x"} { // y pushes x out, and x then n
			if _, err := c.get(tx, key); err != nil {
				return err
			}
		}
		return nil
	}))
	c.view(0, 1)
	other.view(0, 0)
	if got, want := c.store.CacheStats(), (tenants.CacheStats{Hits: 2, Misses: 6, Evicted: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCacheNeedsATenant holds that no value is reached without a running scope of a tenant.
func TestCacheNeedsATenant(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	c := newCached(t, env, env.Tenant(t, "acme"), tenants.CacheOptions{})
	refused := func(what string, tx *gorm.DB) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("a value was reached with %s", what)
			}
		}()
		_, _ = c.get(tx, "n")
	}
	var over *gorm.DB
	c.do(c.store.View(t.Context(), c.tenant, func(tx *gorm.DB) error { over = tx; return nil }))
	refused("a scope that is over", over)
	refused("the engine's base", env.Engine.Base())
	c.do(env.Store.Master().View(t.Context(), func(tx *gorm.DB) error { refused("a scope on the master", tx); return nil }))
}

// TestCacheKeepsNothing holds that the memory of a tenant's values is given back once it isn't served, or idle.
func TestCacheKeepsNothing(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Rest: 50 * time.Millisecond})
	cache := tenants.NewCache[int, *[]byte](tenants.CacheOptions{MaxAge: time.Hour})
	for name, end := range map[string]func(subdomain string) error{
		"idle":    func(string) error { return nil },
		"suspend": func(name string) error { _, err := env.Lifecycle.Suspend(t.Context(), "ada", name); return err },
		"purge": func(name string) error {
			_, err := env.Lifecycle.Archive(t.Context(), "ada", name)
			if err == nil {
				_, err = env.Lifecycle.Purge(t.Context(), "ada", name, 0)
			}
			return err
		},
	} {
		tenant, freed := env.Tenant(t, name), make(chan struct{})
		if err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
			_, err := cache.Get(tx, 1, func() (*[]byte, error) {
				value := make([]byte, 1<<20)
				runtime.AddCleanup(&value, func(done chan struct{}) { close(done) }, freed)
				return &value, nil
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := end(name); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; runtime.GC() {
			select {
			case <-freed:
			case <-time.After(10 * time.Millisecond):
				if time.Now().Before(deadline) {
					continue
				}
				t.Errorf("%s: the value is kept", name)
			}
			break
		}
	}
}
