// Package operator is the operator's JSON API: what is done about tenants, not
// what is in them. It is served on the operator's listener alone, and to those
// who have the operator's token. The commands create tenants through it too.
//
//	guard.go    who is let in
//	name.go     who asks, for the ledger
//	tenants.go  the routes, and those of a tenant's life
//	domains.go  those of a tenant's own hosts
//	operations.go what was done
//	filter.go   what narrows lists, for routes, pages and commands
//	doctor.go   what is wrong
//	create.go   a tenant with its first admin, for routes and commands
//	document.go a tenant as JSON, likewise
//	problem.go  the errors that only operators see
package operator

import (
	"context"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Admins lets people into a tenant that nobody can sign in to yet.
type Admins interface {
	// InviteAdmin makes a link with which the admin sets a password, once.
	InviteAdmin(ctx context.Context, t *tenants.Tenant, email string) (url string, expires time.Time, err error)
	// SetPassword sets the password of the admin, who is made where missing.
	SetPassword(ctx context.Context, t *tenants.Tenant, email, password string) error
}

// Options are what an API is made of. All are needed.
type Options struct {
	Store   *tenants.Store
	Manager *lifecycle.Manager
	Admins  Admins
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// Doctor examines everything, as lifecycle.Manager's does, with keys.
	Doctor func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
}

// API does what operators ask for. It is safe for concurrent use.
type API struct {
	store   *tenants.Store
	manager *lifecycle.Manager
	admins  Admins
	domain  tenants.BaseDomain
	doctor  func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
}

// New makes an API.
func New(o Options) *API { return &API{o.Store, o.Manager, o.Admins, o.Domain, o.Doctor} }
