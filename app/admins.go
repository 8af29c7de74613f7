package app

import (
	"context"

	"tenantry/handlers/auth"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/visits"
)

// LetIn makes a link with which an operator enters a tenant as one of its people. who is the operator as they signed in;
// commands are owners. Returns visits.ErrUnknownPerson, or the errors of visits.Visits' Ask.
func (a *App) LetIn(ctx context.Context, by lifecycle.Operator, who operators.Identity, subdomain string, e lifecycle.Entry) (*visits.Entrance, error) {
	return a.accounts().LetIn(ctx, a.manager, by, who, subdomain, e)
}

// CheckEmail returns an error if no admin can have the e-mail address.
func CheckEmail(email string) error { return auth.CheckEmail(email) }

// CheckPassword returns an error if the password breaks a rule for new passwords.
func CheckPassword(password string) error { return auth.CheckPassword(password) }
