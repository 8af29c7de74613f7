package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/onboard"
)

// adminFlags identify the admin to give access to a tenant.
type adminFlags struct {
	AdminEmail         string `placeholder:"ADDRESS" help:"Make this person an admin."`
	AdminPasswordStdin bool   `help:"Set the admin's password to the first line of standard input, 12 to 1024 bytes, instead of making a link."`
}

// admin returns the admin that the flags name, or none if there is no address.
func (f adminFlags) admin(c *Call) (onboard.Admin, error) {
	if f.AdminEmail == "" {
		if f.AdminPasswordStdin {
			return onboard.Admin{}, fmt.Errorf("%w: --admin-password-stdin needs --admin-email", errUsage)
		}
		return onboard.Admin{}, nil
	}
	if err := app.CheckEmail(f.AdminEmail); err != nil {
		return onboard.Admin{}, fmt.Errorf("%w: --admin-email: %w", errUsage, err)
	}
	if !f.AdminPasswordStdin {
		return onboard.Admin{Email: f.AdminEmail}, nil
	}
	password, err := readPassword(c)
	if err != nil {
		return onboard.Admin{}, err
	}
	return onboard.Admin{Email: f.AdminEmail, Password: password}, nil
}

// readPassword returns the first line of standard input if it is allowed as a
// password.
func readPassword(c *Call) (string, error) {
	password, err := c.readLine("password")
	if err != nil {
		return "", fmt.Errorf("read password from standard input: %w", err)
	}
	if err := app.CheckPassword(password); err != nil {
		return "", fmt.Errorf("%w: the first line of standard input is no password: %w", errUsage, err)
	}
	return password, nil
}

// tellAdmin writes how the admin signs in.
func tellAdmin(out *Output, admin onboard.Admin, invitation *onboard.Invitation) error {
	switch {
	case admin.Email == "":
		return nil
	case invitation == nil:
		return out.Line("%s is an admin and signs in with that password", admin.Email)
	}
	return out.Line("%s sets a password, once and before %s, at %s", admin.Email, invitation.ExpiresAt.Format(time.RFC3339), invitation.URL)
}

type adminCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`

	adminFlags
}

// Help is shown with the flags.
func (adminCommand) Help() string {
	return `For tenants that have no admin yet, or whose admins have lost their passwords. An existing user becomes an admin. A new password ends the user's sessions and API tokens.

Examples:

    tenantry tenant admin acme --admin-email mara@acme.example
    tenantry tenant admin acme --admin-email mara@acme.example --admin-password-stdin < password.txt`
}

type adminDocument struct {
	Subdomain  string              `json:"subdomain"`
	AdminEmail string              `json:"admin_email"`
	Invitation *onboard.Invitation `json:"invitation,omitempty"`
}

// Run invites the admin, or sets the password.
func (n *adminCommand) Run(c *Call) error {
	admin, err := n.admin(c)
	if err != nil {
		return err
	}
	if admin.Email == "" {
		return fmt.Errorf("%w: --admin-email is missing", errUsage)
	}
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, n.Subdomain)
		if err != nil {
			return err
		}
		if t.State != tenants.StateActive && t.State != tenants.StateSuspended {
			return fmt.Errorf("tenant %q is %s: no admin can be added", t.Subdomain, t.State)
		}
		invitation, err := a.Onboard().AddAdmin(c.ctx, a.By(), tenants.KindAdmin, t.ID, admin)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(adminDocument{t.Subdomain, admin.Email, invitation})
		}
		return tellAdmin(c.out, admin, invitation)
	})
}
