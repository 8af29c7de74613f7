// Package onboard creates tenants together with their first admin, and gives admins access
// later. Only the application knows who is an admin and how an admin signs in, so it supplies
// an Admins.
//
// The last step of the creation makes the admin, before the tenant is served. The ledger holds
// the admin's address and no password. If a process dies before that step is done, the process
// that resumes the creation invites the admin instead. FinishCreate returns that link. A
// server that resumes the creation by itself discards it, and AddAdmin makes another.
package onboard

import (
	"context"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Admins makes people admins of tenants. All methods but CheckEmail may be called again with
// the same address, also by another process.
type Admins interface {
	// CheckEmail returns an error if the address is not valid.
	CheckEmail(email string) error
	// InviteAdmin returns a link with which the admin sets a password, once.
	InviteAdmin(ctx context.Context, t *tenants.Tenant, email string) (url string, expires time.Time, err error)
	// SetPassword sets the password of the admin. It creates the admin if there is none.
	SetPassword(ctx context.Context, t *tenants.Tenant, email, password string) error
}

// Admin is the person to give access to a tenant. If Email is empty, there is none.
type Admin struct {
	Email string
	// Password is set at once. If it is empty, the admin is invited instead.
	Password string
}

// Invitation is a link with which an admin sets a password, once.
type Invitation struct {
	// URL is a secret. It is returned only once.
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Service creates tenants and gives admins access. It is safe for concurrent use.
type Service struct {
	manager *lifecycle.Manager
	admins  Admins
}

// New returns a Service.
func New(manager *lifecycle.Manager, admins Admins) *Service { return &Service{manager, admins} }

// Create creates the tenant and gives the admin access before the tenant is served. If that
// fails, the tenant is not created. The invitation is nil unless the admin was invited. Returns
// the error of Admins.CheckEmail or those of lifecycle.Manager's Create.
func (s *Service) Create(ctx context.Context, n lifecycle.NewTenant, admin Admin) (*tenants.Tenant, *Invitation, error) {
	var made *Invitation
	if admin.Email != "" {
		if err := s.admins.CheckEmail(admin.Email); err != nil {
			return nil, nil, err
		}
		n.Admin, n.AddAdmin = admin.Email, s.addFunc(admin, &made)
	}
	t, err := s.manager.Create(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	return t, made, nil
}

// FinishCreate resumes a creation as lifecycle.Manager's FinishCreate does, and invites the
// tenant's first admin. The invitation is nil if the creation has no admin, or if it was already
// done or another process did it.
func (s *Service) FinishCreate(ctx context.Context, subdomain string) (t *tenants.Tenant, email string, made *Invitation, err error) {
	t, err = s.manager.FinishCreate(ctx, subdomain, func(ctx context.Context, t *tenants.Tenant, admin string) error {
		email = admin
		return s.addFunc(Admin{Email: admin}, &made)(ctx, t)
	})
	if err != nil {
		return nil, "", nil, err
	}
	return t, email, made, nil
}

// AddAdmin sets the admin's password, or invites the admin if there is none, in an operation of
// kind tenants.KindAdmin or tenants.KindInvite. name is the tenant's subdomain or id.
func (s *Service) AddAdmin(ctx context.Context, by lifecycle.Operator, kind tenants.OperationKind, name string, admin Admin) (*Invitation, error) {
	var made *Invitation
	if err := s.manager.AddAdmin(ctx, by, kind, name, admin.Email, s.addFunc(admin, &made)); err != nil {
		return nil, err
	}
	return made, nil
}

// addFunc returns the function that gives the admin access. It stores the invitation, if any, in
// made.
func (s *Service) addFunc(admin Admin, made **Invitation) func(ctx context.Context, t *tenants.Tenant) error {
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

// Resume returns a function for lifecycle.Options.AddAdmin. It makes the admin of a creation that
// another process began. The link that it makes is thrown away.
func Resume(admins Admins) func(ctx context.Context, t *tenants.Tenant, email string) error {
	return func(ctx context.Context, t *tenants.Tenant, email string) error {
		_, _, err := admins.InviteAdmin(ctx, t, email)
		if err != nil {
			return fmt.Errorf("invite admin: %w", err)
		}
		return nil
	}
}
