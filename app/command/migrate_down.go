package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants/fleet"
	"tenantry/tenants/migrate"
	"tenantry/tenants/text"
)

type downCommand struct {
	Tenant string `required:"" placeholder:"SUBDOMAIN" help:"The tenant."`
	To     *int64 `placeholder:"N" help:"The schema version to go back to. Defaults to the one before the tenant's."`
	consent
}

// Help is shown with the flags.
func (*downCommand) Help() string {
	return `Undoes the last migrations of one tenant, the last one first, by their Down. It answers 503 meanwhile. The command first tries that on an empty database, shows what is lost, and asks. It refuses if a migration has no Down, if a Down fails, or if it doesn't restore the schema.

Afterwards the tenant is served by builds that serve the older version, and answers 503 otherwise. No request migrates it again, also with TENANTRY_LAZY_MIGRATE=on: run "tenantry migrate up --tenant SUBDOMAIN" when the cause is mended. "tenantry migrate up" for all tenants includes it, and so do "tenant resume" and "tenant restore".

Examples:

    tenantry migrate down --tenant acme
    tenantry migrate down --tenant acme --to 3 --yes`
}

// Run undoes migrations of the tenant.
func (d *downCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		undo, err := a.Fleet().ForecastDown(c.ctx, d.Tenant, d.To)
		if err != nil {
			return tenantError(adviseDown(adviseRun(err)), d.Tenant)
		}
		for _, m := range undo.Migrations {
			c.out.Hint("undoes %s", m.Name)
			for _, line := range findingLines(m.Findings, "  ") {
				c.out.Hint("%s", line)
			}
		}
		if n := undo.Dangers(); n > 0 {
			return fmt.Errorf("tenant %q stays at version %d: its migrations can't be undone safely (%s)", d.Tenant, undo.From, text.Count(n, "danger"))
		}
		if err := d.ask(c, fmt.Sprintf("Tenant %s goes from schema version %d to %d.", d.Tenant, undo.From, undo.To), d.Tenant); err != nil {
			return err
		}
		if _, err := a.Manager().MigrateDown(c.ctx, a.By(), d.Tenant, undo.To); err != nil {
			return tenantError(err, d.Tenant)
		}
		return writeUndo(c.out, undo)
	})
}

// adviseDown says how to go on if migrations can't be undone.
func adviseDown(err error) error {
	var missing *migrate.NoDownError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w; write another migration that undoes them, or restore a backup", err)
	}
	return err
}

func writeUndo(out *Output, undo *fleet.Undo) error {
	if out.json {
		return out.Document(undo)
	}
	if !undo.Served {
		out.Hint("this build doesn't serve version %d: the tenant answers 503 until a build that does runs, or until: tenantry migrate up --tenant %s", undo.To, undo.Subdomain)
	}
	return out.Line("tenant %s is at schema version %d", undo.Subdomain, undo.To)
}
