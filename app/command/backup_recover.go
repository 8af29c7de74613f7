package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/text"
)

type backupRecoverCommand struct {
	At string `placeholder:"TIME" help:"Restore the last backups before this time, such as '2026-11-25 17:30'; the newest by default."`
}

// Help is shown with the flags.
func (*backupRecoverCommand) Help() string {
	return `Brings back a lost installation, on an empty machine: the master if there is none, then the database of each tenant that has none, on SQLite or Postgres. It needs the bucket, the secret key, and for a master on Postgres an empty database, and replaces nothing: after an interruption, run it again. The exit status is 1 if a tenant can't be restored.

Examples:

    TENANTRY_SECRET_KEY=… tenantry backup recover --backup-url file:///mnt/backups
    tenantry backup recover --at '2026-11-25 17:30' --json`
}

// errRecovery means that tenants are missing.
var errRecovery = errors.New("tenants could not be restored; mend what the list says, and run the command again")

// Run restores what is missing.
func (r *backupRecoverCommand) Run(c *Call) error {
	at, err := parseTime(r.At)
	if err != nil {
		return err
	}
	restored, made, err := app.RecoverMaster(c.ctx, c.config, at, newLog(c.config, c.process.Stderr))
	if err != nil {
		return err
	}
	if made {
		c.out.Hint("the master is as it was at %s", restored.At.Format(time.RFC3339))
	}
	return c.With(func(a *app.App) error {
		if made {
			if err := errors.Join(a.ForgetProcesses(c.ctx), a.TakeOverBackups(c.ctx)); err != nil { // the master may be from before it had an id
				return err
			}
		}
		var all []app.Recovered
		var failed error
		progress := c.out.progress()
		err := a.Recover(c.ctx, at, func(r app.Recovered, done, total int) {
			all = append(all, r)
			if r.Error != "" {
				failed = errRecovery
			}
			progress.step("recover", done, total)
		})
		if err != nil {
			return err
		}
		unknown, err := a.Unknown(c.ctx)
		if err != nil {
			return err
		}
		if len(unknown) > 0 {
			c.out.Hint("there are backups of %s that the master doesn't have, created later or removed: %s",
				text.Count(len(unknown), "tenant"), strings.Join(unknown[:min(5, len(unknown))], ", "))
		}
		if c.out.json {
			return errors.Join(failed, c.out.Document(document.ListOf(all, "")))
		}
		return errors.Join(failed, writeRecovered(c.out, all))
	})
}

func writeRecovered(out *Output, all []app.Recovered) error {
	var rows [][]string
	for _, r := range all {
		state := "was there"
		switch {
		case r.Error != "":
			state = r.Error
		case r.At != nil:
			state = fmt.Sprint("as it was at ", r.At.Format(time.RFC3339))
		}
		rows = append(rows, []string{r.Tenant, state})
	}
	return out.Rows([]string{"TENANT", "STATE"}, rows)
}
