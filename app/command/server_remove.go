package command

import "tenantry/app"

type serverRemoveCommand struct{ serverName }

// Help is shown with the flags.
func (serverRemoveCommand) Help() string {
	return `Nothing is changed on the server itself. A server with tenants, also archived ones or those in the trash, can't be removed.

Examples:

    tenantry server remove north`
}

// Run removes the server.
func (s *serverRemoveCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		if err := a.Manager().RemoveServer(c.ctx, s.Name); err != nil {
			return explainServer(err)
		}
		if c.out.json {
			return c.out.Document(map[string]string{"removed": s.Name})
		}
		return c.out.Line("server %s is removed", s.Name)
	})
}
