package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// serverCommand groups the commands for servers.
type serverCommand struct {
	Add     serverAddCommand     `cmd:"" help:"Add a Postgres server or a folder of SQLite files."`
	List    serverListCommand    `cmd:"" help:"List servers."`
	Show    serverShowCommand    `cmd:"" help:"Show a server."`
	Set     serverSetCommand     `cmd:"" help:"Change a server's capacity, labels or pooler."`
	Drain   serverDrainCommand   `cmd:"" help:"Place no new tenants on a server."`
	Undrain serverUndrainCommand `cmd:"" help:"Place new tenants on a server again."`
	Remove  serverRemoveCommand  `cmd:"" help:"Remove a server without tenants."`
}

// serverName is the argument of commands for one server.
type serverName struct {
	Name string `arg:"" help:"The server's name."`
}

// show writes the server as it is now, after something was done to it.
func (s serverName) show(c *Call, a *app.App, err error) error {
	if err != nil {
		return explainServer(err)
	}
	server, err := a.Manager().GetServer(c.ctx, s.Name)
	if err != nil {
		return explainServer(err)
	}
	if c.out.json {
		return c.out.Document(document.ServerOf(server))
	}
	return writeServers(c.out, []lifecycle.ServerUse{*server})
}

// explainServer says what to do about an error.
func explainServer(err error) error {
	switch {
	case errors.Is(err, lifecycle.ErrUnknownServer):
		return fmt.Errorf("%w; see: tenantry server list", err)
	case errors.Is(err, lifecycle.ErrServerInUse):
		return fmt.Errorf("%w; see: tenantry tenant list --all --server NAME; drain the server, and archive and purge its tenants or wait until they are removed", err)
	}
	return err
}

func writeServers(out *Output, all []lifecycle.ServerUse) error {
	var rows [][]string
	for _, s := range all {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			labels = append(labels, name+"="+s.Labels[name])
		}
		capacity, address := "any", s.Address
		if s.Capacity > 0 {
			capacity = fmt.Sprint(s.Capacity)
		}
		if s.URL == nil {
			address = "as configured"
		}
		rows = append(rows, []string{
			s.Name, string(s.State), fmt.Sprint(s.Tenants), capacity, strings.Join(labels, ","), string(s.Placement), s.Pooler, address, s.CreatedAt.UTC().Format(time.RFC3339),
		})
	}
	return out.Rows([]string{"NAME", "STATE", "TENANTS", "CAPACITY", "LABELS", "PLACEMENT", "POOLER", "ADDRESS", "ADDED"}, rows)
}
