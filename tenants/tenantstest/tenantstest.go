// Package tenantstest gives tests a store with fresh tenants, in milliseconds,
// on either engine: for this project's tests and for those of applications
// built on it.
package tenantstest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/notes"
)

// Engine names an engine that tests run on.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Engines are all engines, for tests that run on each.
func Engines() []Engine { return []Engine{SQLite, Postgres} }

// Options say what a test needs beyond the defaults.
type Options struct {
	// Engine is what the store runs on. Defaults to SQLite; Each runs on every one.
	Engine Engine
	// Schema is that of the tenants' databases. Defaults to notes.Schema().
	Schema tenants.Schema
	// MaxOpen bounds the open handles; 0 means 10.
	MaxOpen int
	// Wait bounds the wait for a handle; 0 means 30 seconds, so that a slow
	// machine fails no test.
	Wait time.Duration
	// InstanceTTL and Grace are the store's of those names; 0 means its defaults.
	InstanceTTL, Grace time.Duration
	// Clock is the machine's, where the master is on SQLite; nil means time.Now.
	Clock func() time.Time
	// MaxSize bounds a tenant's database, in bytes; 0 means any size.
	MaxSize int64
	// Log gets what the store logs; nil means that nobody does.
	Log *slog.Logger
	// Alone gives the test an installation of its own on the tests' server: an
	// Engine's Survey lists what others have made where it is shared. It takes
	// longer, since the template is the test's own, too.
	Alone bool
	// Through rewrites the URL of the tests' Postgres server, for tests that put a
	// proxy before it; nil leaves it as it is.
	Through func(url string) string
	// Wrap puts something between the store and its engine, for tests of
	// faults; nil puts nothing.
	Wrap func(tenants.Engine) tenants.Engine
}

// Env is a store on a master of its own, with what a test needs around it.
// All of it vanishes when the test ends.
type Env struct {
	Store     *tenants.Store
	Lifecycle *lifecycle.Manager
	// Engine is the default server's.
	Engine tenants.Engine
	// Kind is which engine that is.
	Kind Engine
	// Keys seal what is secret in the master. They are fresh.
	Keys *seal.Ring
	// Dir is the data folder on SQLite, else empty.
	Dir string
	// MasterURL is the master database's URL on Postgres, else empty.
	MasterURL string

	installation string // the URL of the engine's database, on Postgres
}

// EachEngine runs f as a parallel subtest for each engine.
func EachEngine(t *testing.T, f func(t *testing.T, engine Engine)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

// Each runs f as a parallel subtest on each engine, with an Env that New makes of
// the options. On a machine without Postgres its subtest is skipped, or fails
// where TENANTRY_TEST_REQUIRE says that it must run.
func Each(t *testing.T, o Options, f func(t *testing.T, env *Env)) {
	t.Helper()
	EachEngine(t, func(t *testing.T, engine Engine) {
		on := o
		on.Engine = engine
		f(t, New(t, on))
	})
}

// New makes an Env for one test.
func New(t testing.TB, o Options) *Env {
	t.Helper()
	o = o.withDefaults()
	env := &Env{Kind: o.Engine, Keys: newKeys(t)}
	var master *tenants.Master
	switch o.Engine {
	case SQLite:
		master = env.openSQLite(t, o)
	case Postgres:
		master = env.openPostgres(t, o)
	default:
		t.Fatalf("engine %q is not one of %v", o.Engine, Engines())
	}
	env.run(t, master, o)
	t.Cleanup(func() { env.close(t) })
	return env
}

// run has a store on the master and the env's engine.
func (e *Env) run(t testing.TB, master *tenants.Master, o Options) {
	t.Helper()
	e.Engine = o.Wrap(e.Engine)
	store, err := tenants.New(t.Context(), tenants.Options{
		Master:  master,
		Servers: map[string]tenants.Engine{tenants.DefaultServer: e.Engine},
		MaxOpen: o.MaxOpen, Wait: o.Wait, Log: o.Log, InstanceTTL: o.InstanceTTL, Grace: o.Grace,
		MaxSize: o.MaxSize,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Store, e.Lifecycle = store, lifecycle.New(store, lifecycle.Options{Log: o.Log})
}

// Beside is another process on the same master and server, as far as a test can
// be one: maybe of another build, with another schema. Of o its Engine and Alone
// don't count.
func (e *Env) Beside(t testing.TB, o Options) *Env {
	t.Helper()
	o.Engine = e.Kind
	o = o.withDefaults()
	other := *e
	if e.Kind == SQLite {
		other.Engine = e.newSQLite(t, o)
	} else {
		other.Engine = e.newPostgres(t, o)
	}
	other.run(t, e.Store.Master(), o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		report(t, other.Store.Close(ctx))
		report(t, other.Engine.Close())
	})
	return &other
}

func (o Options) withDefaults() Options {
	if o.Engine == "" {
		o.Engine = SQLite
	}
	if o.Schema.Models == nil {
		o.Schema = notes.Schema()
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 10
	}
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Through == nil {
		o.Through = func(url string) string { return url }
	}
	if o.Wrap == nil {
		o.Wrap = func(engine tenants.Engine) tenants.Engine { return engine }
	}
	return o
}

func newKeys(t testing.TB) *seal.Ring {
	t.Helper()
	keys, err := seal.ParseKeys(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Tenant creates an active tenant.
func (e *Env) Tenant(t testing.TB, subdomain string) *tenants.Tenant {
	t.Helper()
	tenant, err := e.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// closeTimeout bounds the end of a test whose scopes did not end.
const closeTimeout = 30 * time.Second

// close drains the store, drops every tenant's database and closes the rest.
func (e *Env) close(t testing.TB) {
	ctx := context.Background()
	draining, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	report(t, e.Store.Close(draining))
	for after := ""; ; {
		page, next, err := e.Lifecycle.List(ctx, after, 100)
		report(t, err)
		for i := range page {
			report(t, e.Engine.Drop(ctx, &page[i]))
		}
		if next == "" {
			break
		}
		after = next
	}
	report(t, e.Store.Master().Close())
	report(t, e.Engine.Close())
}

func report(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
