package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants/backup"
	"tenantry/tenants/document"
)

type backupListCommand struct {
	Subdomain string `arg:"" optional:"" help:"The tenant's subdomain, or its id."`
	Master    bool   `help:"List those of the master database instead of a tenant's."`
	Limit     int    `default:"20" help:"List at most this many, the newest first, up to 1000."`
}

// Help is shown with the flags.
func (*backupListCommand) Help() string {
	return `Lists the points in time that are stored. "tenantry tenant restore --at" takes any time: it restores the last point before it.

Examples:

    tenantry backup list acme
    tenantry backup list acme --limit 3 --json
    tenantry backup list --master`
}

// Run lists the points.
func (l *backupListCommand) Run(c *Call) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	if l.Master == (l.Subdomain != "") {
		return fmt.Errorf("%w: name a tenant, or give --master", errUsage)
	}
	return c.With(func(a *app.App) error {
		id := backup.MasterID
		if !l.Master {
			t, err := c.tenant(a, l.Subdomain)
			if err != nil {
				return err
			}
			id = t.ID
		}
		points, count, err := a.BackupPoints(c.ctx, id, l.Limit)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.ListOf(points, ""))
		}
		if count == 0 {
			c.out.Hint("there is no backup yet; make one with: tenantry backup run %s", l.Subdomain)
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
			c.out.Hint("there are older points: %d; list them with --limit", count-len(points))
		}
		return c.out.Rows([]string{"AT", "FILE", "BYTES"}, rows)
	})
}
