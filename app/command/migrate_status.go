package command

import (
	"fmt"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
)

type statusCommand struct{}

// Help is shown with the flags.
func (statusCommand) Help() string {
	return `Counts the tenants by server and schema version, and shows the version of this build. A tenant at a version that this build can't serve answers 503.

Examples:

    tenantry migrate status
    tenantry migrate status --json`
}

// Run counts the tenants by server and schema version.
func (statusCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		standings, err := fleet.Status(c.ctx, a.Store())
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.ListOf(standings, ""))
		}
		var rows [][]string
		for _, s := range standings {
			rows = append(rows, []string{s.Server, fmt.Sprint(s.SchemaVersion), fmt.Sprint(s.Target), fmt.Sprint(s.Tenants)})
		}
		return c.out.Rows([]string{"SERVER", "VERSION", "TARGET", "TENANTS"}, rows)
	})
}
