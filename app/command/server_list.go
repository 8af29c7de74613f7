package command

import (
	"tenantry/app"
	"tenantry/tenants/document"
)

type serverListCommand struct{}

// Help is shown with the flags.
func (serverListCommand) Help() string {
	return `The tenants of a server are those with data on it, also archived ones and those in the trash.

Examples:

    tenantry server list
    tenantry server list --json`
}

// Run lists the servers.
func (serverListCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		all, err := a.Manager().Servers(c.ctx)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.Servers(all))
		}
		return writeServers(c.out, all)
	})
}

type serverShowCommand struct{ serverName }

// Help is shown with the flags.
func (serverShowCommand) Help() string {
	return `Examples:

    tenantry server show north`
}

// Run shows the server.
func (s *serverShowCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error { return s.show(c, a, nil) })
}
