package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// tenantCommand groups what is done to single tenants.
type tenantCommand struct {
	Create createCommand `cmd:"" help:"Create a tenant with a database of its own."`
	List   listCommand   `cmd:"" help:"List tenants in the order of their subdomains."`
	Show   showCommand   `cmd:"" help:"Show a tenant."`
	Admin  adminCommand  `cmd:"" help:"Make a person an admin of a tenant, or give an admin a new password."`

	Suspend suspendCommand `cmd:"" help:"Stop serving a tenant, and keep its data."`
	Resume  resumeCommand  `cmd:"" help:"Serve a suspended tenant again."`
	Rename  renameCommand  `cmd:"" help:"Give a tenant another subdomain."`
	SetName setNameCommand `cmd:"" help:"Give a tenant another display name."`
	Archive archiveCommand `cmd:"" help:"Hide a tenant as if it did not exist, and keep its data."`
	Restore restoreCommand `cmd:"" help:"Serve an archived or purged tenant again."`
	Purge   purgeCommand   `cmd:"" help:"Move an archived tenant to the trash; its data is removed after a while."`
	Domain  domainCommand  `cmd:"" help:"Give a tenant hosts of its own."`

	Release  releaseCommand  `cmd:"" help:"Free a subdomain that a tenant has given up, for other tenants."`
	Reserved reservedCommand `cmd:"" help:"List subdomains that tenants have given up, with how long they are reserved and redirect."`
	Cancel   cancelCommand   `cmd:"" help:"End an operation on a tenant that can't be finished."`
}

type createCommand struct {
	Subdomain string `arg:"" help:"Label under the base domain: a-z, 0-9 and inner hyphens, at most 40."`
	Name      string `help:"Name for people; the subdomain by default."`
	Server    string `help:"Server to place the database on; the default one by default."`
	Source    string `name:"from" type:"file" placeholder:"URL" help:"Existing database to copy, as sqlite:PATH or postgres://…; it stays as it is. With - it is the first line of standard input, for a URL with a password."`
	Resume    bool   `help:"Go on with a creation that was interrupted."`

	adminFlags
}

// Help is shown with the flags.
func (createCommand) Help() string {
	return `With --admin-email it prints a link with which that person sets a password, once. It is shown this one time; "tenantry tenant admin" makes another. The tenant is served once its admin exists; where that fails there is no tenant. A creation that another process resumes invites the admin: then "tenantry tenant admin" makes the link.

Examples:

    tenantry tenant create acme --name "Acme Joinery" --admin-email mara@acme.example
    tenantry tenant create globex --admin-email vera@globex.example --admin-password-stdin < password.txt
    tenantry tenant create initech --json
    tenantry tenant create hooli --from sqlite:/srv/hooli/app.db
    tenantry tenant create hooli --from - < url.txt
    tenantry tenant create hooli --resume`
}

// Run creates the tenant and tells where it is reached, and by whom.
func (n *createCommand) Run(c *Call) error {
	if err := tenants.ValidateSubdomain(n.Subdomain); err != nil {
		return err
	}
	admin, err := n.admin(c)
	if err != nil {
		return err
	}
	source, err := n.source(c)
	if err != nil {
		return err
	}
	if n.Resume {
		return c.With(func(a *app.App) error { return n.resume(c, a) })
	}
	return c.Install(func(a *app.App) error {
		t, invitation, err := a.Onboard().Create(c.ctx, lifecycle.NewTenant{
			Subdomain: n.Subdomain, Name: n.Name, Server: n.Server, Source: source, By: a.By(),
		}, admin)
		if err != nil {
			return createError(err, n.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.Created{Tenant: document.TenantOf(t), Invitation: invitation})
		}
		url := a.TenantURL(t.Subdomain, "")
		return errors.Join(c.out.Line("tenant %s is ready at %s", t.Subdomain, url), tellAdmin(c.out, admin, invitation))
	})
}

// source is the URL of the database to copy.
func (n *createCommand) source(c *Call) (string, error) {
	source := n.Source
	if source == "-" {
		if n.AdminPasswordStdin {
			return "", fmt.Errorf("%w: --from - and --admin-password-stdin both read standard input", errUsage)
		}
		line, err := c.readLine("URL")
		if err != nil {
			return "", err
		}
		source = line
	}
	if source == "" && n.Source == "" || strings.HasPrefix(source, "sqlite:") || strings.HasPrefix(source, "postgres://") || strings.HasPrefix(source, "postgresql://") {
		return source, nil
	}
	return "", fmt.Errorf("%w: --from: want sqlite:PATH or postgres://…", errUsage)
}

// resume goes on with a creation.
func (n *createCommand) resume(c *Call, a *app.App) error {
	if n.Source != "" || n.AdminEmail != "" {
		return fmt.Errorf("%w: --resume goes on with what was asked for before; an admin is let in with: tenantry tenant admin %s --admin-email …", errUsage, n.Subdomain)
	}
	t, err := a.Manager().FinishCreate(c.ctx, n.Subdomain)
	if err != nil {
		return tenantError(err, n.Subdomain)
	}
	if c.out.json {
		return c.out.Document(document.TenantOf(t))
	}
	return c.out.Line("tenant %s is %s", t.Subdomain, t.State)
}

// createError says what to do next.
func createError(err error, subdomain string) error {
	switch {
	case errors.Is(err, lifecycle.ErrExists):
		return fmt.Errorf("%w; see: tenantry tenant show %s", err, subdomain)
	case errors.Is(err, lifecycle.ErrInvalidName):
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}

// maxList is the most that are listed at once.
const maxList = 1000

type listCommand struct {
	All           bool   `help:"List all tenants, purged ones too, however many there are."`
	State         string `help:"List those in this state: active, provisioning, maintenance, suspended, archived or purged."`
	Server        string `help:"List those on this server."`
	SchemaVersion string `placeholder:"VERSION" help:"List those whose database has this schema version."`
	Search        string `placeholder:"TEXT" help:"List those with this text in their subdomain or name, or with this id."`
	After         string `placeholder:"SUBDOMAIN" help:"Begin after this subdomain."`
	Limit         int    `default:"200" help:"List at most this many, up to 1000."`
}

// Help is shown with the flags.
func (listCommand) Help() string {
	return `Purged tenants are left out, unless --all or --state purged asks for them.

Examples:

    tenantry tenant list
    tenantry tenant list --all
    tenantry tenant list --state suspended --server default
    tenantry tenant list --search joinery
    tenantry tenant list --after initech --limit 50 --json`
}

// Run lists a page of tenants, or all of them.
func (l *listCommand) Run(c *Call) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	return c.With(func(a *app.App) error {
		search, err := a.Manager().ReadSearch(c.ctx, lifecycle.TypedSearch{
			Text: l.Search, State: l.State, Server: l.Server, SchemaVersion: l.SchemaVersion,
		})
		if err != nil {
			return filterError(err)
		}
		search.Present = !l.All
		page, next, err := a.Manager().Find(c.ctx, search, l.After, l.Limit)
		for all := page; l.All && err == nil && next != ""; page = all {
			var more []tenants.Tenant
			more, next, err = a.Manager().Find(c.ctx, search, next, maxList)
			all = append(all, more...)
		}
		if err != nil {
			return err
		}
		return writeTenants(c.out, document.Tenants(page, next))
	})
}

// filterError is err, or wrong usage where a flag narrows a list by what can't be.
func filterError(err error) error {
	var filter *lifecycle.FilterError
	if errors.As(err, &filter) {
		return fmt.Errorf("%w: --%s %s", errUsage, strings.ReplaceAll(filter.Field, "_", "-"), filter.Message)
	}
	return err
}

func writeTenants(out *Output, l document.List[document.Tenant]) error {
	if out.json {
		return out.Document(l)
	}
	var rows [][]string
	for _, t := range l.Items {
		rows = append(rows, []string{t.Subdomain, t.Name, string(t.State), t.Server, t.CreatedAt.Format(time.RFC3339)})
	}
	if err := out.Rows([]string{"SUBDOMAIN", "NAME", "STATE", "SERVER", "CREATED"}, rows); err != nil {
		return err
	}
	if l.Next != nil {
		out.Hint("there are more: give --after %s too, or --all", *l.Next)
	}
	return nil
}

type showCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (showCommand) Help() string {
	return `Examples:

    tenantry tenant show acme
    tenantry tenant show acme --json`
}

// Run shows the tenant.
func (s *showCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, s.Subdomain)
		if err != nil {
			return err
		}
		story, err := c.story(a, t)
		if err != nil {
			return err
		}
		retired, err := a.Manager().Retired(c.ctx, t.ID)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(shown{document.TenantOf(t), story, retired})
		}
		return errors.Join(writeTenant(c.out, a, t, retired), writeStory(c.out, story))
	})
}

// shown is a tenant with its story, and the subdomains that it has given up.
type shown struct {
	document.Tenant
	Operations []document.Operation `json:"operations"`
	Retired    []lifecycle.Retired  `json:"retired_subdomains"`
}

// maxStory is how many operations are shown of a tenant, the last ones.
const maxStory = 100

// story is what was done to the tenant, in order.
func (c *Call) story(a *app.App, t *tenants.Tenant) ([]document.Operation, error) {
	page, _, err := a.Manager().Operations(c.ctx, lifecycle.OperationFilter{TenantID: t.ID}, "", maxStory)
	if err != nil {
		return nil, err
	}
	slices.Reverse(page)
	return document.Operations(page, "").Items, nil
}

func writeTenant(out *Output, a *app.App, t *tenants.Tenant, retired []lifecycle.Retired) error {
	d := document.TenantOf(t)
	rows := [][]string{
		{"subdomain", d.Subdomain},
		{"name", d.Name},
		{"state", string(d.State)},
		{"domains", strings.Join(d.Domains, " ")},
		{"id", d.ID},
		{"server", d.Server},
		{"database", d.Database},
		{"schema_version", fmt.Sprint(d.SchemaVersion)},
		{"created_at", d.CreatedAt.Format(time.RFC3339)},
	}
	if t.State != tenants.StatePurged {
		rows = append(rows, []string{"url", a.TenantURL(t.Address(), "")})
	}
	if d.RemoveAfter != nil {
		rows = append(rows, []string{"remove_after", d.RemoveAfter.Format(time.RFC3339)})
	}
	for _, r := range retired {
		rows = append(rows, retiredRow(r))
	}
	return out.Rows([]string{"FIELD", "VALUE"}, rows)
}

func writeStory(out *Output, story []document.Operation) error {
	if len(story) == 0 {
		return nil
	}
	var rows [][]string
	for _, o := range story {
		state := string(o.State)
		if o.Step != "" {
			state += " at " + o.Step
		}
		rows = append(rows, []string{o.StartedAt.Format(time.RFC3339), string(o.Kind), o.Subdomain, state, o.By, o.Error})
	}
	if out.table {
		if err := out.Line(""); err != nil {
			return err
		}
	}
	return out.Rows([]string{"BEGUN", "OPERATION", "SUBDOMAIN", "STATE", "BY", "ERROR"}, rows)
}

// tellState tells in which state a tenant is now.
func (c *Call) tellState(t *tenants.Tenant, err error, subdomain string) error {
	if err != nil {
		return tenantError(err, subdomain)
	}
	if c.out.json {
		return c.out.Document(document.TenantOf(t))
	}
	switch {
	case t.State == tenants.StatePurged && t.RemoveAfter != nil:
		return c.out.Line("tenant %s is purged; until %s it comes back with: tenantry tenant restore %s",
			subdomain, t.RemoveAfter.UTC().Format(time.RFC3339), subdomain)
	case t.State == tenants.StatePurged:
		return c.out.Line("tenant %s is purged, and its data is removed", subdomain)
	case t.Subdomain != subdomain:
		return c.out.Line("tenant %s is %s now, and %s", subdomain, t.Subdomain, t.State)
	}
	return c.out.Line("tenant %s is %s", t.Subdomain, t.State)
}

// tenant finds a tenant in whatever state it is.
func (c *Call) tenant(a *app.App, subdomain string) (*tenants.Tenant, error) {
	t, err := a.Manager().Get(c.ctx, subdomain)
	return t, tenantError(err, subdomain)
}

// tenantError says what to do next.
func tenantError(err error, subdomain string) error {
	var state *lifecycle.StateError
	switch {
	case errors.Is(err, lifecycle.ErrUnderWay), errors.Is(err, lifecycle.ErrNothingToCancel):
		return fmt.Errorf("%w; see: tenantry tenant show %s", err, subdomain)
	case errors.Is(err, tenants.ErrUnknownTenant):
		return fmt.Errorf("%w; see: tenantry tenant list", err)
	case errors.As(err, &state):
		return fmt.Errorf("%w; see: tenantry tenant show %s", err, subdomain)
	}
	return err
}
