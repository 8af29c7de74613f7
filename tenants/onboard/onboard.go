// Package onboard creates tenants together with their first admin, and lets
// admins in later. Who is an admin, and how one signs in, only the application
// knows: it gives an Admins.
//
// The admin is made by the last step of the creation, before the tenant is served.
// The ledger holds the admin's address and no password. Where a process dies before
// that step is done, the one that resumes the creation invites the admin
// instead: the link is in nobody's hands, and LetIn makes another.
package onboard

import (
	"context"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Admins makes people admins of tenants. Its methods but CheckEmail may be called
// again with the same address, by another process too.
type Admins interface {
	// CheckEmail returns an error if nobody can have the address.
	CheckEmail(email string) error
	// InviteAdmin makes a link with which the admin sets a password, once.
	InviteAdmin(ctx context.Context, t *tenants.Tenant, email string) (url string, expires time.Time, err error)
	// SetPassword sets the password of the admin, who is made where missing.
	SetPassword(ctx context.Context, t *tenants.Tenant, email, password string) error
}

// Admin is who is let in to a tenant; nobody where Email is empty.
type Admin struct {
	Email string
	// Password is set at once; without one there is an invitation.
	Password string
}

// Invitation is a link with which an admin sets a password, once.
type Invitation struct {
	// URL is a secret, and is told this one time.
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Service creates tenants and lets admins in. It is safe for concurrent use.
type Service struct {
	manager *lifecycle.Manager
	admins  Admins
}

// New returns a Service.
func New(manager *lifecycle.Manager, admins Admins) *Service { return &Service{manager, admins} }

// Create creates the tenant with the admin, whom it lets in before the tenant is
// served. Where that is impossible there is no tenant. The invitation is nil
// unless the admin was invited. Create returns the error of Admins.CheckEmail, or
// fails as lifecycle.Manager's Create does.
func (s *Service) Create(ctx context.Context, n lifecycle.NewTenant, admin Admin) (*tenants.Tenant, *Invitation, error) {
	var made *Invitation
	if admin.Email != "" {
		if err := s.admins.CheckEmail(admin.Email); err != nil {
			return nil, nil, err
		}
		n.Admin, n.LetIn = admin.Email, s.letIn(admin, &made)
	}
	t, err := s.manager.Create(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	return t, made, nil
}

// LetIn gives an admin of the tenant the password, else an invitation, as an
// operation of the kind tenants.KindAdmin or tenants.KindInvite. name is the
// tenant's subdomain or id.
func (s *Service) LetIn(ctx context.Context, by lifecycle.Operator, kind tenants.OperationKind, name string, admin Admin) (*Invitation, error) {
	var made *Invitation
	if err := s.manager.LetIn(ctx, by, kind, name, admin.Email, s.letIn(admin, &made)); err != nil {
		return nil, err
	}
	return made, nil
}

// letIn returns what lets the admin in, and notes the invitation, if any.
func (s *Service) letIn(admin Admin, made **Invitation) func(ctx context.Context, t *tenants.Tenant) error {
	return func(ctx context.Context, t *tenants.Tenant) error {
		if admin.Password != "" {
			return s.admins.SetPassword(ctx, t, admin.Email, admin.Password)
		}
		url, expires, err := s.admins.InviteAdmin(ctx, t, admin.Email)
		if err != nil {
			return err
		}
		*made = &Invitation{url, expires.UTC()}
		return nil
	}
}

// Resume returns what lifecycle.Options.LetIn is to be: it makes the admin that
// another process was to let in, with a link that nobody gets.
func Resume(admins Admins) func(ctx context.Context, t *tenants.Tenant, email string) error {
	return func(ctx context.Context, t *tenants.Tenant, email string) error {
		_, _, err := admins.InviteAdmin(ctx, t, email)
		if err != nil {
			return fmt.Errorf("invite admin: %w", err)
		}
		return nil
	}
}
