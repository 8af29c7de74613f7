package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// tenantCommand groups the commands for single tenants.
type tenantCommand struct {
	Create createCommand `cmd:"" help:"Create a tenant with a database of its own."`
	List   listCommand   `cmd:"" help:"List tenants in the order of their subdomains."`
	Show   showCommand   `cmd:"" help:"Show a tenant."`
	Admin  adminCommand  `cmd:"" help:"Make a person an admin of a tenant, or give an admin a new password."`

	Suspend     suspendCommand     `cmd:"" help:"Stop serving a tenant, and keep its data."`
	Resume      resumeCommand      `cmd:"" help:"Serve a suspended tenant again."`
	Rename      renameCommand      `cmd:"" help:"Change a tenant's subdomain."`
	Swap        swapCommand        `cmd:"" help:"Exchange two tenants, such as one and its restored copy."`
	SetName     setNameCommand     `cmd:"" help:"Change a tenant's display name."`
	Set         setCommand         `cmd:"" help:"Change settings that the application keeps for a tenant."`
	Limit       limitCommand       `cmd:"" help:"Show or change what a tenant may use."`
	Maintenance maintenanceCommand `cmd:"" help:"Close a tenant for maintenance, or serve it again."`

	Schema  schemaCommand  `cmd:"" help:"Write the schema of a tenant's database as SQL."`
	Query   queryCommand   `cmd:"" help:"Ask all tenants, or some, with a statement that reads."`
	Shell   shellCommand   `cmd:"" help:"Open sqlite3 or psql on a tenant's database."`
	Handles handlesCommand `cmd:"" help:"List the open databases of all processes, or close an idle one."`
	Enter   enterCommand   `cmd:"" help:"Enter a tenant as one of its people, for half an hour."`

	Archive archiveCommand `cmd:"" help:"Hide a tenant as if it did not exist, and keep its data."`
	Restore restoreCommand `cmd:"" help:"Serve an archived or purged tenant again."`
	Purge   purgeCommand   `cmd:"" help:"Move an archived tenant to the trash; its data is removed after the grace period."`
	Erase   eraseCommand   `cmd:"" help:"Remove a tenant's data for good, with its backups, and certify it."`
	Domain  domainCommand  `cmd:"" help:"Manage a tenant's own hosts."`
	Clone   cloneCommand   `cmd:"" help:"Create a tenant as a copy of another."`
	Move    moveCommand    `cmd:"" help:"Move a tenant to another server."`
	Export  exportCommand  `cmd:"" help:"Write a tenant's data into a file."`

	Release  releaseCommand  `cmd:"" help:"Free a subdomain that a tenant has given up, for other tenants."`
	Reserved reservedCommand `cmd:"" help:"List subdomains that tenants have given up, with how long they are reserved and redirect."`
	Cancel   cancelCommand   `cmd:"" help:"Cancel an operation on a tenant that can't be finished."`
}

// tellState writes the tenant's state.
func (c *Call) tellState(t *tenants.Tenant, err error, subdomain string) error {
	if err != nil {
		return tenantError(err, subdomain)
	}
	if c.out.json {
		return c.out.Document(document.TenantOf(t))
	}
	switch {
	case t.IsRemoved():
		return c.out.Line("tenant %s is purged, and its data is removed", subdomain)
	case t.State == tenants.StatePurged:
		return c.out.Line("tenant %s is purged; until %s it can be restored with: tenantry tenant restore %s",
			subdomain, t.RemoveAfter.UTC().Format(time.RFC3339), subdomain)
	case t.Subdomain != subdomain:
		return c.out.Line("tenant %s is now %s, and %s", subdomain, t.Subdomain, t.State)
	}
	return c.out.Line("tenant %s is %s", t.Subdomain, t.State)
}

// tenant finds a tenant in any state.
func (c *Call) tenant(a *app.App, subdomain string) (*tenants.Tenant, error) {
	t, err := a.Manager().Get(c.ctx, subdomain)
	return t, tenantError(err, subdomain)
}

// tenantError adds what to do next.
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

// change changes a tenant, and writes its state.
func (c *Call) change(subdomain string, do func(a *app.App) (*tenants.Tenant, error)) error {
	return c.With(func(a *app.App) error {
		t, err := do(a)
		return c.tellState(t, err, subdomain)
	})
}
