package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
)

type backupListCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain, or its id."`
	Limit     int    `default:"20" help:"List at most this many, the newest first, up to 1000."`
}

// Help is shown with the flags.
func (*backupListCommand) Help() string {
	return `Lists the points in time that are stored. "tenantry tenant restore --at" takes any time: it restores the last point before it.

Examples:

    tenantry backup list acme
    tenantry backup list acme --limit 3 --json`
}

// Run lists the points.
func (l *backupListCommand) Run(c *Call) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, l.Subdomain)
		if err != nil {
			return err
		}
		points, count, err := a.BackupPoints(c.ctx, t, l.Limit)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.ListOf(points, ""))
		}
		var rows [][]string
		for _, p := range points {
			kind := "changes"
			switch {
			case p.Portable:
				kind = "portable"
			case p.Snapshot:
				kind = "snapshot"
			}
			rows = append(rows, []string{p.At.Format(time.RFC3339Nano), kind, fmt.Sprint(p.Size)})
		}
		if len(points) < count {
			c.out.Hint("%d more points are older; list them with --limit", count-len(points))
		}
		return c.out.Rows([]string{"AT", "FILE", "BYTES"}, rows)
	})
}
