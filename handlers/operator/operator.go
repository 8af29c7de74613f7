// Package operator is the operator's JSON API. It manages tenants and gives no
// access to their data. It is served on the operator's listener only, to clients
// with an operator's token.
//
//	guard.go       checks the token and the role
//	accounts.go    the handlers of operators' accounts
//	name.go        the operator's name, for the ledger
//	tenants.go     all routes, and the handlers of tenants
//	copies.go      the handlers of exports, clones, moves and restores
//	domains.go     the handlers of tenants' domains
//	enter.go       the handler that lets operators enter a tenant
//	maintenance.go the handler of maintenance
//	operations.go  the handler of the ledger; follow.go streams it
//	jobs.go        the handlers of jobs
//	doctor.go      the handlers of checkups
//	top.go         the handler of what tenants do now
//	servers.go     the handlers of servers
//	handles.go     the handlers of open databases
//	migrations.go  the handlers of migration runs
//	problem.go     the errors that only operators see
package operator

import (
	"cmp"
	"context"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
	"tenantry/tenants/traffic"
	"tenantry/tenants/visits"
)

// Options configure an API. All fields are required.
type Options struct {
	Store   *tenants.Store
	Manager *lifecycle.Manager
	Fleet   *fleet.Fleet
	Onboard *onboard.Service
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// Doctor checks everything, as lifecycle.Manager's Doctor does, and the keys.
	Doctor func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
	// AddServer opens a server and stores it with its URL.
	AddServer func(ctx context.Context, s tenants.Server, url string) error
	// ChangeServer changes a server, whose pooler it tries.
	ChangeServer func(ctx context.Context, name string, change lifecycle.ServerChange) error
	// Restore makes tenants of backups.
	Restore Restore
	// BackedUpAt returns when the last backup of a tenant was made, or nil.
	BackedUpAt func(ctx context.Context, t *tenants.Tenant) (*time.Time, error)
	// Accounts has the operators' accounts.
	Accounts *operators.Accounts
	// LetIn lets operators enter tenants.
	LetIn visits.LetIn
	// Serving ends when the process is to stop, which also ends work in the background.
	Serving context.Context
	// Follow times the streams of the ledger; its fields have defaults.
	Follow Follow
}

// API serves the operator's API. It is safe for concurrent use.
type API struct {
	store   *tenants.Store
	manager *lifecycle.Manager
	fleet   *fleet.Fleet
	onboard *onboard.Service
	domain  tenants.BaseDomain
	doctor  func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
	add     func(ctx context.Context, s tenants.Server, url string) error
	change  func(ctx context.Context, name string, change lifecycle.ServerChange) error
	restore Restore
	backed  func(ctx context.Context, t *tenants.Tenant) (*time.Time, error)
	serving context.Context
	top     *traffic.Top

	accounts *operators.Accounts
	letIn    visits.LetIn

	feed      *lifecycle.Feed
	keepAlive time.Duration
}

// New returns an API.
func New(o Options) *API {
	return &API{
		o.Store, o.Manager, o.Fleet, o.Onboard, o.Domain, o.Doctor, o.AddServer, o.ChangeServer, o.Restore, o.BackedUpAt, o.Serving, traffic.NewTop(o.Store), o.Accounts, o.LetIn,
		o.Manager.NewFeed(o.Follow.Tick), cmp.Or(o.Follow.KeepAlive, 15*time.Second),
	}
}
