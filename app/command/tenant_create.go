package command

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

type createCommand struct {
	Subdomain string            `arg:"" help:"Subdomain of the base domain: a-z, 0-9 and inner hyphens, at most 40 characters."`
	Name      string            `help:"Display name; defaults to the subdomain."`
	Server    string            `xor:"placement" help:"Server for the database; defaults to the active one with the largest part of its capacity free."`
	Label     map[string]string `xor:"placement" placeholder:"K=V" help:"A label that the server must have."`
	Source    string            `name:"from" type:"file" placeholder:"URL|FILE" help:"What to copy; it isn't changed: a file that \"tenantry tenant export\" has made, or a database as sqlite:PATH or postgres://…. With - the URL is the first line of standard input, so that a password in it stays secret."`
	Resume    bool              `help:"Finish a creation that was interrupted."`

	adminFlags
}

// Help is shown with the flags.
func (createCommand) Help() string {
	return `With --admin-email it prints a link with which the admin sets a password, once. The link is shown only now; "tenantry tenant admin" makes another. The tenant is served once its admin exists. If the admin can't be added, the tenant is not created. If the creation is interrupted, the password is lost: --resume prints a link instead. If a server has finished the creation, make a link with "tenantry tenant admin".

Examples:

    tenantry tenant create acme --name "Acme Joinery" --admin-email mara@acme.example
    tenantry tenant create globex --admin-email vera@globex.example --admin-password-stdin < password.txt
    tenantry tenant create initech --json
    tenantry tenant create hooli --from sqlite:/srv/hooli/app.db
    tenantry tenant create hooli --from - < url.txt
    tenantry tenant create acme-again --from acme.db --admin-email mara@acme.example
    tenantry tenant create hooli --resume`
}

// Run creates the tenant, and writes its address and its admin.
func (n *createCommand) Run(c *Call) error {
	if err := tenants.ValidateSubdomain(n.Subdomain); err != nil {
		return err
	}
	if err := lifecycle.CheckName(cmp.Or(strings.TrimSpace(n.Name), n.Subdomain)); err != nil {
		return createError(err, n.Subdomain)
	}
	admin, err := n.admin(c)
	if err != nil {
		return err
	}
	source, file, err := n.source(c)
	if err != nil {
		return err
	}
	if n.Resume {
		return c.With(func(a *app.App) error { return n.resume(c, a) })
	}
	if err := checkSource(c, source, file); err != nil {
		return err
	}
	return n.install(c, source, func(a *app.App) error {
		progress := c.out.progress()
		t, invitation, err := a.Onboard().Create(c.ctx, lifecycle.NewTenant{
			Subdomain: n.Subdomain, Name: n.Name, Server: n.Server, Labels: n.Label, Source: source, File: file, By: a.By(),
			Progress: func(done, all int) { progress.step("create "+n.Subdomain, done, all) },
		}, admin)
		if err != nil {
			return createError(err, n.Subdomain)
		}
		if file != "" && admin.Email == "" {
			c.out.Hint("if the file has no credentials, let an admin in with: tenantry tenant admin %s --admin-email …", t.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.Created{Tenant: document.TenantOf(t), Invitation: invitation})
		}
		url := a.TenantURL(t.Subdomain)
		return errors.Join(c.out.Line("tenant %s is ready at %s", t.Subdomain, url), tellAdmin(c.out, admin, invitation))
	})
}

// source returns the URL of the database to copy, or the path of the file; both are empty without --from.
func (n *createCommand) source(c *Call) (url, file string, err error) {
	source := n.Source
	if source == "-" {
		if n.AdminPasswordStdin {
			return "", "", fmt.Errorf("%w: --from - and --admin-password-stdin both read standard input", errUsage)
		}
		if source, err = c.readLine("URL"); err != nil {
			return "", "", err
		}
	}
	switch {
	case n.Source == "", strings.HasPrefix(source, "sqlite:"), strings.HasPrefix(source, "postgres://"), strings.HasPrefix(source, "postgresql://"):
		return source, "", nil
	case source == "", strings.Contains(source, "://"):
		return "", "", fmt.Errorf("%w: --from: want a file, sqlite:PATH or postgres://…", errUsage)
	}
	file, err = filepath.Abs(source)
	return "", file, err
}

// checkSource returns why no tenant can be made from a source, as far as that is known before an installation is made for it.
func checkSource(c *Call, url, file string) error {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		return app.CheckSource(c.ctx, c.process.Options, url)
	case file != "":
		return app.CheckPortable(c.ctx, c.process.Options, file)
	}
	return nil
}

// install runs f on the installation, and makes one if its only server could have the tenant.
func (n *createCommand) install(c *Call, source string, f func(a *app.App) error) error {
	engine, _, _ := strings.Cut(c.config.DatabaseURL, ":")
	from, _, copies := strings.Cut(source, ":")
	elsewhere := copies && (from == "sqlite") != (engine == "sqlite")
	if n.Server != "" && n.Server != tenants.DefaultServer || len(n.Label) > 0 || elsewhere {
		return c.With(f)
	}
	return c.Install(f)
}

// resume finishes an interrupted creation.
func (n *createCommand) resume(c *Call, a *app.App) error {
	if n.Source != "" || n.AdminEmail != "" {
		return fmt.Errorf("%w: --resume finishes the creation as it was begun; invite another admin with: tenantry tenant admin %s --admin-email …", errUsage, n.Subdomain)
	}
	t, email, invitation, err := a.Onboard().FinishCreate(c.ctx, n.Subdomain)
	if err != nil {
		return tenantError(err, n.Subdomain)
	}
	if invitation == nil {
		c.out.Hint("if the tenant should have an admin, invite one with: tenantry tenant admin %s --admin-email …", t.Subdomain)
	}
	if c.out.json {
		return c.out.Document(document.Created{Tenant: document.TenantOf(t), Invitation: invitation})
	}
	return errors.Join(c.out.Line("tenant %s is %s", t.Subdomain, t.State), tellAdmin(c.out, onboard.Admin{Email: email}, invitation))
}

// createError adds what to do next.
func createError(err error, subdomain string) error {
	switch {
	case errors.Is(err, lifecycle.ErrExists):
		return fmt.Errorf("%w; see: tenantry tenant show %s", err, subdomain)
	case errors.Is(err, lifecycle.ErrUnknownServer), errors.Is(err, lifecycle.ErrSameServer), errors.As(err, new(*lifecycle.PlacementError)):
		return fmt.Errorf("%w; see: tenantry server list", err)
	case errors.Is(err, lifecycle.ErrInvalidName):
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}
