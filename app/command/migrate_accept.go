package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
)

type acceptCommand struct {
	ID string `arg:"" optional:"" name:"run" help:"The run. Defaults to the last one that has kept copies."`
}

// Help is shown with the flags.
func (*acceptCommand) Help() string {
	return `Removes the copies of databases that "tenantry migrate up --keep-copies" has kept. The run can't be reverted afterwards.

Examples:

    tenantry migrate accept
    tenantry migrate accept 01kb05k4mhg5sm3e9n7cfyd4yz`
}

type accepted struct {
	Run string `json:"run"`
	// Copies is the number of copies that were removed, and Bytes their size.
	Copies int64 `json:"copies"`
	Bytes  int64 `json:"bytes"`
}

// Run removes the copies of a run.
func (a *acceptCommand) Run(c *Call) error {
	return c.With(func(in *app.App) error {
		run, err := in.Fleet().Accept(c.ctx, a.ID)
		if err != nil {
			return adviseCopies(adviseRun(err))
		}
		hintOtherCopies(c, in)
		if c.out.json {
			return c.out.Document(accepted{run.ID, run.Copies, run.CopyBytes})
		}
		return c.out.Line("migration run %s is accepted: copies removed: %d, %s freed", run.ID, run.Copies, sizeText(run.CopyBytes))
	})
}

// hintOtherCopies tells of an older run that keeps copies, which are not removed by what ends another one.
func hintOtherCopies(c *Call, a *app.App) {
	if run, err := a.Fleet().Kept(c.ctx, ""); err == nil {
		c.out.Hint("migration run %s keeps copies of databases: %d, with %s; if all is well: tenantry migrate accept %[1]s; to go back: tenantry migrate revert %[1]s", run.ID, run.Copies, sizeText(run.CopyBytes))
	}
}

// adviseCopies says what to do instead if a run can't be reverted or accepted.
func adviseCopies(err error) error {
	switch {
	case errors.Is(err, fleet.ErrNoCopies), errors.Is(err, tenants.ErrNoCopy), errors.Is(err, lifecycle.ErrAccepted):
		return fmt.Errorf("%w; only migrate up --keep-copies keeps some, on SQLite; otherwise undo the migrations with tenantry migrate down --tenant SUBDOMAIN, or restore a backup: tenantry tenant restore SUBDOMAIN --at TIME --as NEW", err)
	}
	return err
}
