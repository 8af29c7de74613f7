// Package operator is the operator's JSON API: what is done about tenants, not
// what is in them. It is served on the operator's listener alone, and to those
// who have the operator's token.
//
//	guard.go    who is let in
//	name.go     who asks, for the ledger
//	tenants.go  the routes, and those of a tenant's life
//	domains.go  those of a tenant's own hosts
//	operations.go what was done
//	doctor.go   what is wrong
//	problem.go  the errors that only operators see
package operator

import (
	"context"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

// Options are what an API is made of. All are needed.
type Options struct {
	Store   *tenants.Store
	Manager *lifecycle.Manager
	Onboard *onboard.Service
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// Doctor examines everything, as lifecycle.Manager's does, with keys.
	Doctor func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
}

// API does what operators ask for. It is safe for concurrent use.
type API struct {
	store   *tenants.Store
	manager *lifecycle.Manager
	onboard *onboard.Service
	domain  tenants.BaseDomain
	doctor  func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error)
}

// New makes an API.
func New(o Options) *API { return &API{o.Store, o.Manager, o.Onboard, o.Domain, o.Doctor} }
