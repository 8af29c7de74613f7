package command

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type serverAddCommand struct {
	serverName
	URL         string            `arg:"" help:"sqlite:DIR or postgres://…; with - it is the first line of standard input, or of TENANTRY_SERVER_URL, so that a password in it stays secret."`
	Capacity    int64             `placeholder:"N" help:"Place at most this many tenants on it; 0 is any number."`
	Connections int64             `placeholder:"N" help:"Let a process have at most this many connections to it; defaults to what a Postgres server allows."`
	Label       map[string]string `placeholder:"K=V" help:"A label, which tenant create --label asks for."`
	Placement   tenants.Placement `placeholder:"PLACEMENT" help:"How tenants lie on a Postgres server: database, each in one of its own, which is the default, or schema, all in one database."`
	Pooler      string            `placeholder:"URL" help:"HOST:PORT/DATABASE of a pooler in front of the server, such as PgBouncer in transaction mode, with placement schema."`
}

// Help is shown with the flags.
func (serverAddCommand) Help() string {
	return `The server is tried first, and refused if it is the server of another name. Its URL is kept sealed in the master. Running servers use it within a second.

The URL of a Postgres server names the role that makes databases and roles, and a database to connect to for that. A folder is made if it is missing; every process must find it at the same path.

With --placement schema the URL's database holds the tenants' schemas and nothing else. See: tenantry help placement.

Examples:

    tenantry server add north - --capacity 500 --label region=eu < url.txt
    TENANTRY_SERVER_URL=postgres://… tenantry server add north -
    tenantry server add archive sqlite:/srv/archive
    tenantry server add small - --placement schema < url.txt`
}

// serverURL is the environment variable with the URL of a server to add.
const serverURL = "TENANTRY_SERVER_URL"

// Run adds the server.
func (s *serverAddCommand) Run(c *Call) error {
	row := tenants.Server{Name: s.Name, Capacity: s.Capacity, Connections: s.Connections, Labels: s.Label, Placement: s.Placement, Pooler: s.Pooler}
	if row.Labels == nil {
		row.Labels = map[string]string{}
	}
	if err := row.Validate(); err != nil {
		return fmt.Errorf("%w: the server's %w", errUsage, err)
	}
	address, err := s.readURL(c)
	if err != nil {
		return err
	}
	return c.With(func(a *app.App) error {
		err := a.AddServer(c.ctx, row, address)
		switch {
		case errors.Is(err, tenants.ErrInvalidServer):
			return fmt.Errorf("%w: the server's %w", errUsage, err)
		case errors.Is(err, lifecycle.ErrServerURL):
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return s.show(c, a, err)
	})
}

// readURL returns the URL in the arguments, the environment or standard input.
func (s *serverAddCommand) readURL(c *Call) (string, error) {
	if s.URL != "-" {
		if mayHoldPassword(s.URL) {
			return "", fmt.Errorf("%w: other users of this machine can read a password in arguments; give - and the URL on standard input", errUsage)
		}
		return s.URL, nil
	}
	for _, variable := range c.process.Environ {
		if name, value, _ := strings.Cut(variable, "="); name == serverURL && value != "" {
			return value, nil
		}
	}
	return c.readLine("URL")
}

// mayHoldPassword reports whether a URL has a password, or can't be read so that it may have one.
func mayHoldPassword(address string) bool {
	if strings.HasPrefix(address, "sqlite:") {
		return false
	}
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password") || u.Query().Has("sslpassword")
}
