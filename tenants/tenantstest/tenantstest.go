// Package tenantstest gives tests a store with fresh tenants, in milliseconds,
// on either engine: for this project's tests and for those of applications
// built on it.
package tenantstest

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// Engine names an engine that tests run on.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
	// Schemas is Postgres with tenants in schemas of one database.
	Schemas Engine = "schemas"
)

// dialects are the engines without their placements.
var dialects = []Engine{SQLite, Postgres}

// engines are those that Engines returns.
var engines = func() []Engine {
	if os.Getenv("TENANTRY_TEST_LONG") != "" {
		return []Engine{SQLite, Postgres, Schemas}
	}
	return dialects
}()

// WithSchemas makes the tests of a package run on Schemas too, unless they have the race detector. Call it in an init function
// of the tests: else they do so only if TENANTRY_TEST_LONG is set, because what is above the engine is the same for both
// placements.
func WithSchemas() {
	if !raceDetector {
		engines = []Engine{SQLite, Postgres, Schemas}
	}
}

// Engines returns all engines, for tests that run on each.
func Engines() []Engine { return engines }

// Dialect returns the engine without its placement: SQLite or Postgres.
func (e Engine) Dialect() Engine {
	if e == Schemas {
		return Postgres
	}
	return e
}

// Options configure an Env.
type Options struct {
	// Engine is the store's engine. Defaults to SQLite; Each runs on every one.
	Engine Engine
	// OnePlacement makes Each leave out Schemas, for tests of what is above the engine, unless TENANTRY_TEST_LONG is set.
	OnePlacement bool
	// Second is the engine of a second server, called Second. Without it there is one server.
	Second Engine
	// Interrupt is passed to the Env's Lifecycle.
	Interrupt func(point string)
	// Schema is the schema of the tenants' databases. Defaults to notes.Schema().
	Schema tenants.Schema
	// MaxOpen bounds the open handles. Defaults to 10.
	MaxOpen int
	// Wait bounds the wait for a handle. Defaults to 30 seconds, so that a slow machine fails
	// no test.
	Wait time.Duration
	// Patient is passed to the store.
	Patient bool
	// Rest, InstanceTTL, MasterAway and Grace are passed to the store. They default to the store's defaults.
	Rest, InstanceTTL, MasterAway, Grace time.Duration
	// SlowScope and Tracer are passed to the store.
	SlowScope time.Duration
	Tracer    tenants.Tracer
	// Clock is the machine's clock, if the master is on SQLite. Defaults to time.Now.
	Clock func() time.Time
	// MaxSize bounds a tenant's database, in bytes. Defaults to Limits.Size.
	MaxSize int64
	// Limits are those of tenants without limits of their own. Defaults to none.
	Limits tenants.Limits
	// Settings is the type of the application's settings. Defaults to none.
	Settings *tenants.SettingsType
	// Log receives the store's log. If it is nil, the log is discarded.
	Log *slog.Logger
	// Alone gives the test an installation of its own on the tests' server, for example because
	// an Engine's Survey of a shared one lists other tests' objects. It takes longer, because
	// the test also creates its own template.
	Alone bool
	// Prefix is postgres.Config's Prefix. It has no effect on SQLite.
	Prefix string
	// Through rewrites the URL of the tests' Postgres server, for tests that use a proxy. It
	// may be nil.
	Through func(url string) string
	// Wrap wraps the store's engine, for tests of faults. It may be nil.
	Wrap func(tenants.Engine) tenants.Engine
}

// Env is a store with a master of its own. All of it is removed when the test ends.
type Env struct {
	Store     *tenants.Store
	Lifecycle *lifecycle.Manager
	// Engine is the engine of the default server.
	Engine tenants.Engine
	// Second is the engine of the second server, or nil.
	Second tenants.Engine
	// Kind names its dialect: SQLite, or Postgres for either placement.
	Kind Engine
	// Placement is that of the engine on Postgres.
	Placement tenants.Placement
	// Keys seal the secrets in the master. They are new for each Env.
	Keys *seal.Ring
	// Dir is the data folder on SQLite, and empty on Postgres.
	Dir string
	// MasterURL is the URL of the master database on Postgres, and empty on SQLite.
	MasterURL string

	of                   Engine
	installation, prefix string // the URL of the engine's database, and its names' prefix, on Postgres
	key                  string // that of Keys
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

// EachDialect runs f as a parallel subtest on SQLite and on Postgres, for tests of what is the same for every placement,
// such as the master.
func EachDialect(t *testing.T, f func(t *testing.T, engine Engine)) {
	t.Helper()
	for _, engine := range dialects {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, engine)
		})
	}
}

// Each runs f as a parallel subtest on each engine, with an Env that New makes from the
// options. On a machine without Postgres its subtest is skipped, or fails if
// TENANTRY_TEST_REQUIRE requires it.
func Each(t *testing.T, o Options, f func(t *testing.T, env *Env)) {
	t.Helper()
	each := EachEngine
	if o.OnePlacement && os.Getenv("TENANTRY_TEST_LONG") == "" {
		each = EachDialect
	}
	each(t, func(t *testing.T, engine Engine) {
		on := o
		on.Engine = engine
		f(t, New(t, on))
	})
}

// New returns an Env for one test.
func New(t testing.TB, o Options) *Env {
	t.Helper()
	o = o.withDefaults()
	env := &Env{of: o.Engine, Kind: o.Engine.Dialect(), Placement: o.Engine.placement(), key: seal.GenerateKey()}
	env.Keys = parseKeys(t, env.key)
	var master *tenants.Master
	switch o.Engine {
	case SQLite:
		master = env.openSQLite(t, o)
	case Postgres, Schemas:
		master = env.openPostgres(t, o)
	default:
		t.Fatalf("engine %q is not one of %v", o.Engine, Engines())
	}
	env.openSecond(t, o)
	env.run(t, master, o)
	t.Cleanup(func() { env.close(t) })
	return env
}

// run opens a store on the master and the env's engine.
func (e *Env) run(t testing.TB, master *tenants.Master, o Options) {
	t.Helper()
	e.Engine = o.Wrap(e.Engine)
	servers := map[string]tenants.Engine{tenants.DefaultServer: e.Engine}
	if e.Second != nil {
		servers[Second] = e.Second
	}
	store, err := tenants.New(t.Context(), tenants.Options{
		Master:  master,
		Servers: servers,
		MaxOpen: o.MaxOpen, Rest: o.Rest, Wait: o.Wait, Patient: o.Patient, Log: o.Log, InstanceTTL: o.InstanceTTL, MasterAway: o.MasterAway, Grace: o.Grace,
		Limits: o.limits(), Settings: o.Settings, SlowScope: o.SlowScope, Tracer: o.Tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Store, e.Lifecycle = store, lifecycle.New(store, lifecycle.Options{Log: o.Log, Schema: o.Schema, Files: sqlite.Files{Schema: o.Schema}, Interrupt: o.Interrupt})
}

// Beside returns an Env that acts as another process on the same master and server, possibly of
// another build with another schema. It ignores Engine, Alone and Prefix of o.
func (e *Env) Beside(t testing.TB, o Options) *Env {
	t.Helper()
	o.Engine = e.of
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

func (o Options) limits() tenants.Limits {
	if o.MaxSize > 0 {
		o.Limits.Size = o.MaxSize
	}
	return o.Limits
}

func parseKeys(t testing.TB, text string) *seal.Ring {
	t.Helper()
	keys, err := seal.ParseKeys(text)
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

// closeTimeout bounds the end of a test whose scopes have not ended.
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
			report(t, e.engineOf(&page[i]).Drop(ctx, &page[i]))
		}
		if next == "" {
			break
		}
		after = next
	}
	report(t, e.Store.Master().Close())
	report(t, e.Engine.Close())
	if e.Second != nil {
		report(t, e.Second.Close())
	}
}

func report(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
