package app

import (
	"context"

	"tenantry/handlers/account"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// exportFor exports a tenant for one of its admins, who is named in the ledger. The tenant has been told already.
func (a *App) exportFor(ctx context.Context, t *tenants.Tenant, who *account.Identity) (*lifecycle.Download, error) {
	by := []rune("admin " + who.Email)
	return a.manager.Download(ctx, lifecycle.Operator(by[:min(longestBy, len(by))]), t.ID,
		lifecycle.Export{Note: func(context.Context, *tenants.Tenant) error { return nil }})
}

// longestBy is the longest name in the ledger, in characters.
const longestBy = 200
