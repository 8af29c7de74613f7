package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type serverSetCommand struct {
	serverName
	Capacity *int64            `placeholder:"N" help:"Place at most this many tenants on it; 0 is any number."`
	Label    map[string]string `placeholder:"K=V" help:"The server's labels from now on, in place of those it has."`
	NoLabels bool              `help:"Take all labels away."`
	Pooler   *string           `placeholder:"URL" help:"HOST:PORT/DATABASE of a pooler in front of a server with placement schema; empty for none. Processes use it from their next start."`
}

// Help is shown with the flags.
func (serverSetCommand) Help() string {
	return `Tenants that are on the server stay, also those beyond its new capacity.

Examples:

    tenantry server set north --capacity 800
    tenantry server set north --label region=eu --label disks=fast
    tenantry server set small --pooler 127.0.0.1:6432/small`
}

// Run changes the server.
func (s *serverSetCommand) Run(c *Call) error {
	change := lifecycle.ServerChange{Capacity: s.Capacity, Pooler: s.Pooler}
	if len(s.Label) > 0 || s.NoLabels {
		labels := map[string]string{}
		if !s.NoLabels {
			labels = s.Label
		}
		change.Labels = &labels
	}
	if change.Capacity == nil && change.Labels == nil && change.Pooler == nil {
		return fmt.Errorf("%w: want --capacity, --label, --no-labels or --pooler", errUsage)
	}
	return c.With(func(a *app.App) error {
		err := a.ChangeServer(c.ctx, s.Name, change)
		if errors.Is(err, tenants.ErrInvalidServer) {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if err == nil && s.Pooler != nil {
			c.out.Hint("processes that run keep the pooler that they started with; restart them to use this one")
		}
		return s.show(c, a, err)
	})
}

type serverDrainCommand struct{ serverName }

// Help is shown with the flags.
func (serverDrainCommand) Help() string {
	return `The tenants on the server stay, and are served.

Examples:

    tenantry server drain north`
}

// Run drains the server.
func (s *serverDrainCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error { return s.show(c, a, a.Manager().DrainServer(c.ctx, s.Name)) })
}

type serverUndrainCommand struct{ serverName }

// Help is shown with the flags.
func (serverUndrainCommand) Help() string {
	return `Examples:

    tenantry server undrain north`
}

// Run undoes drain.
func (s *serverUndrainCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error { return s.show(c, a, a.Manager().UndrainServer(c.ctx, s.Name)) })
}
