package command

import (
	"context"
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/seed"
)

type serveCommand struct {
	Demo bool `help:"First create missing demo tenants, and print how to sign in to each."`
}

// Help is shown with the flags.
func (serveCommand) Help() string {
	return `Writes the addresses of both listeners to standard output, one a line (with --json as one document), and the log to standard error. On SIGINT or SIGTERM it finishes running requests, for at most 30 seconds.

The operator's listener requires a token: TENANTRY_OPERATOR_TOKEN, or else the content of operator.token in the data folder, which the first start creates.

With --demo an admin of each demo tenant gets a password at every start, $TENANTRY_DEMO_PASSWORD or a random one, which is printed on standard error only. "tenantry seed" sets none.

Examples:

    tenantry serve --demo
    tenantry serve --addr :8080 --base-domain app.example.com --public-url https://app.example.com --trusted-proxies 10.0.0.0/8`
}

type serveDocument struct {
	Public   string   `json:"public"`
	Operator string   `json:"operator"`
	Demo     []string `json:"demo,omitempty"`
}

// Run serves until the context ends. That is not an error.
func (s *serveCommand) Run(c *Call) error {
	err := c.open(c.config, false, func(a *app.App) error {
		var demo []app.DemoTenant
		if s.Demo {
			var err error
			if demo, err = c.openDemo(a); err != nil {
				return err
			}
		}
		return a.Run(c.ctx, func(l app.Listening) error {
			if err := announce(c.out, a, l, demo); err != nil {
				a.Log().WarnContext(c.ctx, "write the addresses to standard output", "error", err)
			}
			return nil
		})
	})
	if c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped before it began to serve
	}
	return err
}

// announce writes the addresses of the listeners and how to sign in to the demo
// tenants. Passwords go only to standard error.
func announce(out *Output, a *app.App, l app.Listening, demo []app.DemoTenant) error {
	d := serveDocument{Public: "http://" + l.Public.String(), Operator: "http://" + l.Operator.String()}
	for _, t := range demo {
		url := a.TenantURL(t.Subdomain)
		d.Demo = append(d.Demo, url)
		tellDemo(out, t, url)
	}
	if out.json {
		return out.Document(d)
	}
	_, err := fmt.Fprintf(out.stdout, "public listening on %s\noperator listening on %s\n", d.Public, d.Operator)
	return err
}

// openDemo creates the missing demo tenants, and gives an admin access to each
// tenant that the seed made.
func (c *Call) openDemo(a *app.App) ([]app.DemoTenant, error) {
	results, err := c.seed(a, nil)
	if err != nil {
		return nil, err
	}
	return a.OpenDemo(c.ctx, results)
}

// tellDemo writes how to sign in to a demo tenant, to standard error.
func tellDemo(out *Output, t app.DemoTenant, url string) {
	if t.Outcome == seed.Skipped {
		out.Hint("%s: skipped, %s", t.Subdomain, t.Reason)
		return
	}
	out.Hint("%s: %s, sign in as %s with the password %s", t.Name, url, t.Email, t.Password)
}
