package operator

import (
	"context"
	"fmt"

	"tenantry/handlers/auth"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// NewTenant says what to create.
type NewTenant struct {
	Subdomain, Name, Server string
	// Source is the URL of an existing database to copy; empty for a new one.
	Source string
	// By is who asks.
	By lifecycle.Operator
	// Admin is who is let in first; nobody where its Email is empty.
	Admin Admin
}

// Admin is the first person of a tenant.
type Admin struct {
	Email string
	// Password is set at once; without one there is an invitation.
	Password string
}

// AdminError: the tenant is there, but nobody was let in.
type AdminError struct {
	Subdomain string
	Err       error
}

// Error names the tenant and tells why.
func (e *AdminError) Error() string {
	return fmt.Sprintf("tenant %q is there, but its admin is not: %v", e.Subdomain, e.Err)
}

// Unwrap is why.
func (e *AdminError) Unwrap() error { return e.Err }

// Create makes a tenant and lets its admin in. It returns what
// lifecycle.Manager's Create does, an *auth.EmailError, or
// an *AdminError.
func (a *API) Create(ctx context.Context, n NewTenant) (Created, error) {
	if n.Admin.Email != "" {
		if err := auth.CheckEmail(n.Admin.Email); err != nil {
			return Created{}, err
		}
	}
	t, err := a.manager.Create(ctx, lifecycle.NewTenant{
		Subdomain: n.Subdomain, Name: n.Name, Server: n.Server, Source: n.Source, By: n.By,
	})
	if err != nil {
		return Created{}, err
	}
	made := Created{Tenant: TenantOf(t)}
	if n.Admin.Email != "" {
		made.Invitation, err = a.LetIn(ctx, n.By, tenants.KindAdmin, t, n.Admin)
	}
	return made, err
}

// LetIn gives the admin the password, else an invitation, as an operation of
// the kind. It returns an *AdminError.
func (a *API) LetIn(ctx context.Context, by lifecycle.Operator, kind tenants.OperationKind, t *tenants.Tenant, admin Admin) (*Invitation, error) {
	var made *Invitation
	err := a.manager.LetIn(ctx, by, kind, t.ID, admin.Email, func(ctx context.Context, t *tenants.Tenant) error {
		if admin.Password != "" {
			return a.admins.SetPassword(ctx, t, admin.Email, admin.Password)
		}
		url, expires, err := a.admins.InviteAdmin(ctx, t, admin.Email)
		made = &Invitation{url, expires.UTC()}
		return err
	})
	if err != nil {
		return nil, &AdminError{t.Subdomain, err}
	}
	return made, nil
}
