package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
)

type backupStatusCommand struct{}

// Help is shown with the flags.
func (backupStatusCommand) Help() string {
	return `Compares when each tenant's database was written with when it was backed up, from the times of files and the counters of Postgres. OLDEST is the time of the commit that waits longest for its backup, MASTER that of the newest backup of the master. The exit status is 1 if a commit, or a change of the master, has waited for more than twice the backup interval, for example because no server runs.

Examples:

    tenantry backup status
    tenantry backup status --json`
}

// errBackupsLate means that commits aren't backed up in time.
var errBackupsLate = errors.New("commits are not backed up in time; run: tenantry backup run")

// Run counts the tenants.
func (backupStatusCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		s, err := a.SurveyBackups(c.ctx)
		if err != nil {
			return err
		}
		if s.Late {
			err = errBackupsLate
		}
		if c.out.json {
			return errors.Join(err, c.out.Document(s))
		}
		return errors.Join(err, c.out.Rows([]string{"BUCKET", "TENANTS", "STORED", "NEVER", "OTHERS", "UNREADABLE", "OLDEST", "PROVEN", "FAILED", "MASTER"}, [][]string{{
			s.Bucket, fmt.Sprint(s.Tenants), fmt.Sprint(s.Stored), fmt.Sprint(s.Never), fmt.Sprint(s.Others), fmt.Sprint(s.Unreadable), timeOr(s.Oldest, "none"),
			fmt.Sprint(s.Proven), fmt.Sprint(s.Failed), timeOr(s.Master, "never"),
		}}))
	})
}

// timeOr writes a time, or else a word.
func timeOr(at *time.Time, word string) string {
	if at == nil {
		return word
	}
	return at.Format(time.RFC3339)
}
