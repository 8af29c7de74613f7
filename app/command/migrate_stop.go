package command

import (
	"errors"

	"tenantry/app"
	"tenantry/tenants/fleet"
)

type stopCommand struct{}

// Help is shown with the flags.
func (stopCommand) Help() string {
	return `The run may be in another process, on another machine or in the console. It begins no other tenant, and stops when those under way are migrated. "tenantry migrate up --resume" goes on with it.

Examples:

    tenantry migrate stop`
}

type stopped struct {
	Stopping bool `json:"stopping"`
}

// Run asks the run to stop.
func (stopCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		err := a.Fleet().Stop(c.ctx, a.By())
		if err != nil && !errors.Is(err, fleet.ErrNothingToResume) {
			return err
		}
		if c.out.json {
			return c.out.Document(stopped{err == nil})
		}
		if err != nil {
			return c.out.Line("no migration run is under way")
		}
		return c.out.Line("the migration run stops; go on with: tenantry migrate up --resume")
	})
}
