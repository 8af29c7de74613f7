// Package app wires the process together: configuration, databases, routes and
// the two listeners.
//
//	app.go         all that a process has
//	config.go      the settings, as they were given; settings.go, as they are used
//	secrets.go     those that are secret; redact.go keeps them out of texts
//	databases.go   opens the master and the engines; registered.go adds servers
//	servers.go     the listeners: door.go counts their connections, client.go speaks with a client
//	router.go      what surrounds all routes; middleware.go
//	routes.go      all routes; account_routes.go
//	bodies.go      bounds the time that bodies take
//	refuse.go      answers clients that there is no place for; refusals.go logs few of them
//	origin.go      where tenants are served; client_address.go, cors.go, operator_hosts.go
//	capacity.go    how many tenants may be open at once; rlimit_unix.go
//	metrics.go     metrics; metrics_load.go, metrics_alerts.go and metrics_proofs.go
//	backups.go     backups: backup_keys.go, exports.go, restore.go, recover.go
//	files.go       files of tenants; portable.go checks exported tenants before they are read
//	mail.go        mail; webhooks.go, webhooks
//	demo.go        the demo's tenants; admins.go, the first people of others
//	permissions.go what doctor looks at beside the tenants; scratch.go, what tries of backups have left
//	token.go       the operator's token
package app

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
	_ "time/tzdata" // for machines that have no time zones

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/app/tracing"
	"tenantry/handlers"
	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/alerts"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/files"
	"tenantry/tenants/fixtures"
	"tenantry/tenants/fleet"
	"tenantry/tenants/jobs"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
	"tenantry/tenants/proof"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/traffic"
	"tenantry/tenants/web"
)

// App is the application with its databases open. It is safe for concurrent use.
type App struct {
	settings settings
	options  Options
	demo     Secret       // the demo admins' password, empty for random ones
	opened   []DemoTenant // the demo tenants that serve --demo gave access to
	log      *slog.Logger

	keys      *seal.Ring
	hasher    *auth.Hasher
	master    *tenants.Master
	engine    tenants.Engine
	store     *tenants.Store
	manager   *lifecycle.Manager
	fleet     *fleet.Fleet
	backups   *backup.Backups  // nil without a bucket
	exports   *exports.Exports // the same for tenants on Postgres
	proofs    *proof.Proofs    // nil without a bucket
	bucket    *sealed.Bucket   // of backups; nil without one
	files     *files.Store
	metrics   *metrics
	jobCounts jobs.Counts
	traffic   *traffic.Recorder
	archive   *traffic.Archive
	tracing   *tracing.Tracing // nil if no endpoint for traces is set

	enlisted string // the id of this process with which the master knows that it delivers webhooks

	listening atomic.Pointer[string] // the address of the public listener, once there is one
}

// Options are the parameters of an App beside its configuration.
type Options struct {
	// Log is where the App tells what happens.
	Log *slog.Logger
	// Program is the program's name, in lower case. It begins the names of metrics and
	// what people are told to run; in upper case, with an underscore, it begins the
	// environment variables that are settings. Defaults to "tenantry".
	Program string
	// Schema is what a tenant's database holds. Defaults to the work tracker's.
	Schema tenants.Schema
	// Routes adds the application's routes to the public listener. Defaults to
	// the work tracker's, app.Routes.
	Routes func(p *Public)
	// Identify, Found and NotFound are web.Options': how a request names its tenant, and what is called when that
	// tenant was or wasn't found. The links of pages and commands lead to hosts whatever Identify is.
	Identify web.Identify
	Found    func(c *gin.Context, t *tenants.Tenant) error
	NotFound func(c *gin.Context, err error) error
	// Jobs are the workers of the application's jobs, with a Schema that has their table. Defaults to the work
	// tracker's, or to none with another Schema.
	Jobs *jobs.Workers
	// MasterJobs are the workers of the application's jobs without tenant. Defaults to none.
	MasterJobs *jobs.Workers
	// Settings is the type of the application's settings of tenants. Defaults to the work tracker's, or to none with
	// another Schema.
	Settings *tenants.SettingsType
	// Hooks are what the application does when operations are done to tenants, after what accounts do.
	Hooks []lifecycle.Hook
	// Manual holds the chapters that the console shows, as TOPIC.md. Defaults to
	// none.
	Manual fs.FS
	// Clients bounds the connections to the public listener. Defaults to what the
	// limit on open files allows.
	Clients int
	// Traces makes the App export traces, as OpenTelemetry's environment variables say.
	Traces bool
	// Patient is tenants.Options': the App serves no requests.
	Patient bool
	// Drain is how long running requests may take after Run is asked to end.
	// Defaults to 30 seconds.
	Drain time.Duration
	// Now is the clock of the console's traffic. Defaults to time.Now.
	Now func() time.Time
	// Resolver and Interrupt are lifecycle.Options', for tests.
	Resolver  lifecycle.Resolver
	Interrupt func(point string)
}

// withDefaults returns the options with defaults for the fields that are not
// set.
func (o Options) withDefaults() Options {
	o.Drain, o.Program = cmp.Or(o.Drain, drainTimeout), cmp.Or(o.Program, "tenantry")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Schema.Models == nil {
		o.Schema = models.Workspace()
		o.Jobs, o.Settings = cmp.Or(o.Jobs, handlers.Jobs()), cmp.Or(o.Settings, models.TenantSettings())
	}
	if o.Routes == nil {
		o.Routes = Routes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// openTimeout bounds the opening of the master.
const openTimeout = 30 * time.Second

// New checks the configuration and opens the databases. It returns bad settings
// as joined *SettingErrors. The caller must close the App.
func New(ctx context.Context, c Config, o Options) (*App, error) {
	s, err := c.validate()
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s.files.clients = cmp.Or(o.Clients, s.files.clients)
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	a := &App{settings: s, options: o, demo: c.DemoPassword, log: o.Log, hasher: auth.NewHasher(0)}
	if o.Traces {
		if a.tracing, err = tracing.New(ctx, o.Program, o.Log); err != nil {
			return nil, err
		}
		a.log = tracing.Log(o.Log)
	}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	a.traffic = traffic.New(traffic.DefaultTenants, o.Now)
	a.archive = traffic.NewArchive(a.traffic, a.master)
	accounts := a.accounts()
	var vault lifecycle.Vault
	if a.backups != nil {
		vault = a.backups
	}
	a.manager = lifecycle.New(a.store, lifecycle.Options{
		Vault: vault, Erase: a.files.Erase, Contents: a.files,
		Program: o.Program, Log: a.log, Resolver: o.Resolver, Interrupt: o.Interrupt,
		AddAdmin: onboard.Resume(accounts),
		Schema:   o.Schema, Files: sqlite.Files{Schema: o.Schema}, NoteExport: accounts.NoteExport, Scratch: a.settings.scratch,
		Hooks: append([]lifecycle.Hook{accounts.RenameHook(), a.filesHook(), a.replacedFilesHook()}, o.Hooks...),
	})
	a.fleet = fleet.New(a.store, a.manager, o.Log)
	a.proofs = a.newProofs()
	program := strings.ReplaceAll(o.Program, "-", "_")
	a.metrics = newMetrics(a.store, a.traffic, a.backups, a.exports, &a.jobCounts, program)
	a.metrics.registry.MustRegister(alarm{alerts.New(a.store, a.archive, a.proofs, a.watched()...), program})
	if a.proofs != nil {
		a.metrics.registry.MustRegister(proven{a.proofs, program, o.Now})
	}
	return a, nil
}

// Store is how tenants' databases are used.
func (a *App) Store() *tenants.Store { return a.store }

// Manager does what operators ask for.
func (a *App) Manager() *lifecycle.Manager { return a.manager }

// LoadFixtures adds the rows in files of a folder to the tenant's database, all or none, and returns how many they are. It
// takes the same names as fixtures.Load, and fails as that does.
func (a *App) LoadFixtures(ctx context.Context, t *tenants.Tenant, folder fs.FS, names ...string) (rows int, err error) {
	err = a.store.Maintain(ctx, t, func(tx *gorm.DB) (err error) {
		rows, err = fixtures.Load(tx, a.options.Schema.Models, folder, names...)
		return err
	})
	return rows, err
}

// CheckFixtures returns why LoadFixtures can't use the files, as far as that is known without an installation.
func CheckFixtures(ctx context.Context, o Options, folder fs.FS, names ...string) error {
	return fixtures.Check(ctx, o.withDefaults().Schema.Models, folder, names...)
}

// Operators has the operators' accounts.
func (a *App) Operators() *operators.Accounts { return operators.New(a.master) }

// Fleet migrates the tenants that are behind.
func (a *App) Fleet() *fleet.Fleet { return a.fleet }

// Onboard creates tenants with their first admin, and gives admins access.
func (a *App) Onboard() *onboard.Service { return onboard.New(a.manager, a.accounts()) }

// By returns the operator that the ledger records.
func (a *App) By() lifecycle.Operator { return a.settings.by }

// BaseDomain is the domain under which tenants have their subdomains.
func (a *App) BaseDomain() tenants.BaseDomain { return a.settings.domain }

// Traffic counts the public listener's requests.
func (a *App) Traffic() *traffic.Recorder { return a.traffic }

// Archive keeps the requests of all processes, for the console.
func (a *App) Archive() *traffic.Archive { return a.archive }

// Files keeps tenants' files.
func (a *App) Files() *files.Store { return a.files }

// Log is where the App tells what happens.
func (a *App) Log() *slog.Logger { return a.log }

// Trace begins the span of a command if the App exports traces. The caller must call end before Close.
func (a *App) Trace(ctx context.Context, command string) (traced context.Context, end func(failed bool)) {
	if a.tracing == nil {
		return ctx, func(bool) {}
	}
	return a.tracing.Command(ctx, command)
}

// Close waits for the running scopes to end, then closes the databases. If ctx
// ends first, scopes may still run; their databases are closed as they end.
func (a *App) Close(ctx context.Context) error {
	var errs []error
	if a.fleet != nil {
		a.fleet.Wait()
	}
	if a.store != nil {
		errs = append(errs, a.store.Close(ctx))
	}
	if a.engine != nil {
		errs = append(errs, a.engine.Close())
	}
	if a.master != nil {
		errs = append(errs, a.master.Close())
	}
	a.tracing.Close(ctx)
	return errors.Join(errs...)
}

// open opens the master, the engine beside it, and the store on both. The
// master comes first: if it must exist and does not, nothing is created.
func (a *App) open(ctx context.Context) error {
	openMaster, openEngine := a.openSQLiteMaster, a.openSQLiteEngine
	if a.settings.postgresURL != "" {
		openMaster, openEngine = a.openPostgresMaster, a.openPostgresEngine
	}
	for _, open := range []func(context.Context) error{openMaster, a.loadKeys, openEngine, a.openBackups, a.openStore, a.openFiles} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openStore(ctx context.Context) (err error) {
	var tracer tenants.Tracer
	if a.tracing != nil {
		tracer = a.tracing
	}
	a.store, err = tenants.New(ctx, tenants.Options{
		Master:  a.master,
		Servers: map[string]tenants.Engine{tenants.DefaultServer: a.engine}, OpenServer: a.openRegistered,
		MaxOpen: a.settings.files.tenants, InstanceTTL: a.settings.instanceTTL, MasterAway: a.settings.masterAway,
		Limits: a.settings.limits, LimitNames: a.settings.limitNames, Settings: a.options.Settings, MinFree: a.settings.minFree,
		Committed: a.committed(), Tracer: tracer, Log: a.log, Patient: a.options.Patient,
	})
	return err
}
