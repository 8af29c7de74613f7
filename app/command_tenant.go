package app

import (
	"errors"
	"fmt"
	"net"
	"time"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// tenantCommand groups what is done to single tenants.
type tenantCommand struct {
	Create createCommand `cmd:"" help:"Create a tenant with a database of its own."`
	List   listCommand   `cmd:"" help:"List tenants in the order of their subdomains."`
	Show   showCommand   `cmd:"" help:"Show a tenant."`
}

// TenantDocument is a tenant as JSON.
type TenantDocument struct {
	ID            string       `json:"id"`
	Subdomain     string       `json:"subdomain"`
	Name          string       `json:"name"`
	State         models.State `json:"state"`
	Server        string       `json:"server"`
	Database      string       `json:"database"`
	SchemaVersion int64        `json:"schema_version"`
	// Domains are the hosts beside the subdomain at which it is reached.
	Domains   []string  `json:"domains"`
	CreatedAt time.Time `json:"created_at"`
}

func documentOf(t *models.Tenant) TenantDocument {
	return TenantDocument{
		ID: t.ID, Subdomain: t.Subdomain, Name: t.Name, State: t.State, Server: t.Server,
		Database: t.Database, SchemaVersion: t.SchemaVersion, Domains: []string{}, CreatedAt: t.CreatedAt.UTC(),
	}
}

type createCommand struct {
	Subdomain string `arg:"" help:"Label under the base domain: a-z, 0-9 and inner hyphens, at most 40."`
	Name      string `help:"Name for people; the subdomain by default."`
	Server    string `help:"Server to place the database on; the default one by default."`
}

// Help is shown with the flags.
func (createCommand) Help() string {
	return `Examples:

    tenantry tenant create acme --name "Acme Joinery"
    tenantry tenant create globex --json`
}

// Run creates the tenant and tells where it is reached.
func (n *createCommand) Run(c *command) error {
	return c.with(func(a *App) error {
		t, err := a.manager.Create(c.ctx, lifecycle.NewTenant{Subdomain: n.Subdomain, Name: n.Name, Server: n.Server})
		if errors.Is(err, lifecycle.ErrExists) {
			return fmt.Errorf("%w; see: tenantry tenant show %s", err, n.Subdomain)
		}
		if errors.Is(err, lifecycle.ErrInvalidName) {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.document(documentOf(t))
		}
		return c.out.line("tenant %s is ready at %s", t.Subdomain, a.tenantURL(t.Subdomain, a.settings.addr))
	})
}

// tenantURL is where a tenant is reached through the listener at addr. Port 0
// is left out: which one it becomes is known only to the server.
func (a *App) tenantURL(subdomain, addr string) string {
	host := a.settings.domain.Host(subdomain)
	_, port, err := net.SplitHostPort(addr)
	if err != nil || port == "80" || port == "0" {
		return "http://" + host
	}
	return "http://" + net.JoinHostPort(host, port)
}

// maxList is the most that are listed at once.
const maxList = 1000

type listCommand struct {
	After string `placeholder:"SUBDOMAIN" help:"Begin after this subdomain."`
	Limit int    `default:"200" help:"List at most this many, up to 1000."`
}

// Help is shown with the flags.
func (listCommand) Help() string {
	return `Examples:

    tenantry tenant list
    tenantry tenant list --after initech --limit 50 --json`
}

// Run lists a page of tenants.
func (l *listCommand) Run(c *command) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	return c.with(func(a *App) error {
		page, next, err := a.manager.List(c.ctx, l.After, l.Limit)
		if err != nil {
			return err
		}
		found := list[TenantDocument]{Items: []TenantDocument{}}
		for i := range page {
			found.Items = append(found.Items, documentOf(&page[i]))
		}
		if next != "" {
			found.Next = &next
		}
		return writeTenants(c.out, found)
	})
}

func writeTenants(out *output, l list[TenantDocument]) error {
	if out.json {
		return out.document(l)
	}
	var rows [][]string
	for _, t := range l.Items {
		rows = append(rows, []string{t.Subdomain, t.Name, string(t.State), t.Server, t.CreatedAt.Format(time.RFC3339)})
	}
	if err := out.rows([]string{"SUBDOMAIN", "NAME", "STATE", "SERVER", "CREATED"}, rows); err != nil {
		return err
	}
	if l.Next != nil {
		out.hint("there are more: tenantry tenant list --after %s", *l.Next)
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
func (s *showCommand) Run(c *command) error {
	return c.with(func(a *App) error {
		t, err := a.manager.Get(c.ctx, s.Subdomain)
		if errors.Is(err, tenants.ErrUnknownTenant) {
			return fmt.Errorf("%w; see: tenantry tenant list", err)
		}
		if err != nil {
			return err
		}
		d := documentOf(t)
		if c.out.json {
			return c.out.document(d)
		}
		return c.out.rows([]string{"FIELD", "VALUE"}, [][]string{
			{"subdomain", d.Subdomain},
			{"name", d.Name},
			{"state", string(d.State)},
			{"url", a.tenantURL(d.Subdomain, a.settings.addr)},
			{"id", d.ID},
			{"server", d.Server},
			{"database", d.Database},
			{"schema_version", fmt.Sprint(d.SchemaVersion)},
			{"created_at", d.CreatedAt.Format(time.RFC3339)},
		})
	})
}
