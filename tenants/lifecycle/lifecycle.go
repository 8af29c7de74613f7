// Package lifecycle does to tenants what operators ask for. Each such thing is
// an operation in the ledger, done step by step.
//
//	ledger.go     begins operations, and goes through their steps
//	plans.go      the steps of each kind
//	recover.go    resumes what a process that died has left
//	hooks.go      the application's own steps
//	cancel.go     ends an operation that can't be finished
//	create.go     creates and adopts tenants
//	states.go     suspends, resumes and archives them
//	maintenance.go closes them for maintenance
//	rename.go     gives them another subdomain
//	swap.go       exchanges two of them
//	name.go       gives them another display name
//	limits.go     changes what they may use
//	settings.go   changes the application's settings
//	move.go       moves them to another server
//	purge.go      moves them to the trash, and brings them back
//	erase.go      removes them with their backups
//	release.go    frees subdomains that they have given up
//	migrate.go    brings them to the schema version of this build
//	migratedown.go undoes migrations
//	runledger.go  writes the ledger for many migrations together: begins them; runledgersteps.go records their steps;
//	              gather.go collects what concurrent callers ask for
//	repair.go     mends their databases; make_empty.go replaces a lost one
//	templates.go  clears templates of other migrations
//	admin.go      adds admins; enter.go lets operators in as one of the people
//	retry.go      makes their discarded jobs run again
//	export.go     writes them into files, and download.go those for a browser; copies.go makes them from files and from others
//	proof.go      records what came of trying their backups
//	domains.go    hosts of their own
//	servers.go    adds and removes servers; placement.go chooses one for a tenant
//	search.go     lists tenants; census.go counts them
//	operations.go lists what was done; feed.go tells of it as it happens
//	doctor.go     finds what is wrong; doctor_….go, one kind of thing each
package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// Options configure a Manager.
type Options struct {
	// Resolver looks up the TXT records of domains. Defaults to the system's resolver.
	Resolver Resolver
	// AddAdmin gives the first admin access to a tenant whose creation another process began
	// before it died. Only the admin's e-mail address is known then. If AddAdmin is nil, such a
	// creation is undone.
	AddAdmin func(ctx context.Context, t *tenants.Tenant, email string) error
	// Log receives the errors that can't be returned to a caller. Defaults to slog.Default().
	Log *slog.Logger
	// Program is the name of the command line in advice to operators. Defaults to tenantry.
	Program string
	// Challenge is the first part of the name of the TXT record that verifies a host. Defaults
	// to _tenantry-challenge.
	Challenge string
	// Reserved are subdomains that no tenant can have, in addition to those that
	// tenants.ValidateSubdomain refuses.
	Reserved []string
	// Schema is that of the tenants' databases, and Files opens portable files of it.
	Schema tenants.Schema
	Files  portable.Files
	// Erase removes what is kept of a tenant outside of its database, such as its files, for good. It is called with the
	// removal of the database, and may be called again. It may be nil.
	Erase func(ctx context.Context, tenantID string) error
	// Contents has the contents of tenants' files, for exports. It may be nil.
	Contents Contents
	// Vault is where backups are stored. It may be nil.
	Vault Vault
	// NoteExport tells a tenant that an operator has exported it. It may be nil.
	NoteExport func(ctx context.Context, t *tenants.Tenant) error
	// Hooks are the application's own steps in operations.
	Hooks []Hook
	// Scratch makes folders for downloads. Defaults to folders among the system's temporary files.
	Scratch Scratch
	// Interrupt is called with the name of each point of an operation, for tests that end the
	// process there. It may be nil.
	Interrupt func(point string)
}

// Manager runs operators' operations on tenants. It is safe for concurrent use.
type Manager struct {
	store     *tenants.Store
	master    *tenants.Master
	resolver  Resolver
	log       *slog.Logger
	addAdmin  func(ctx context.Context, t *tenants.Tenant, email string) error
	interrupt func(point string)
	program   string
	challenge string
	reserved  []string
	migrating *semaphore.Weighted // bounds the databases that are migrated at once
	exporting *semaphore.Weighted // bounds the files that are written at once

	hooks      []Hook
	schema     tenants.Schema
	files      portable.Files
	erase      func(ctx context.Context, tenantID string) error
	contents   Contents
	vault      Vault
	noteExport func(ctx context.Context, t *tenants.Tenant) error
	scratch    Scratch
}

// New returns a Manager of the tenants in store.
func New(store *tenants.Store, o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Scratch == nil {
		o.Scratch = temporaryFolder
	}
	if o.Resolver == nil {
		o.Resolver = systemResolver()
	}
	return &Manager{store: store, master: store.Master(), resolver: o.Resolver, log: o.Log, addAdmin: o.AddAdmin, interrupt: o.Interrupt,
		program: cmp.Or(o.Program, "tenantry"), challenge: cmp.Or(o.Challenge, "_tenantry-challenge"), reserved: o.Reserved,
		migrating: semaphore.NewWeighted(maxMigrations), exporting: semaphore.NewWeighted(mostExports),
		hooks: o.Hooks, schema: o.Schema, files: o.Files, vault: o.Vault, erase: o.Erase, contents: o.Contents, noteExport: o.NoteExport, scratch: o.Scratch}
}

// Get returns the tenant in any state. name is its subdomain, the former subdomain of a purged
// tenant, or its id. Returns tenants.ErrUnknownTenant if there is none.
func (m *Manager) Get(ctx context.Context, name string) (t *tenants.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		t, err = find(tx, name)
		return err
	})
	if err != nil {
		return nil, rowError(name, err)
	}
	return t, nil
}

// withDomains makes queries for tenants load their domains.
func withDomains(tx *gorm.DB) *gorm.DB {
	return tx.Preload("Domains", func(tx *gorm.DB) *gorm.DB { return tx.Order("host") })
}

// find returns the tenant with the name, or gorm.ErrRecordNotFound. A tenant that has the
// subdomain takes precedence over one that had it.
func find(tx *gorm.DB, name string) (*tenants.Tenant, error) {
	var found []tenants.Tenant
	err := withDomains(tx).Where("subdomain = ? OR id = ?", name, name).
		Or("state = ? AND id IN (?)", tenants.StatePurged,
			tx.Session(&gorm.Session{NewDB: true}).Model(&tenants.RetiredSubdomain{}).Select("tenant_id").Where("subdomain = ?", name)).
		Find(&found).Error
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Subdomain == name {
			return &found[i], nil
		}
	}
	if len(found) == 0 {
		return nil, gorm.ErrRecordNotFound
	}
	return &found[0], nil
}

// rowError adds the tenant's name to an error of reading its row.
func rowError(subdomain string, err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = tenants.ErrUnknownTenant
	}
	return fmt.Errorf("tenant %q: %w", subdomain, err)
}
