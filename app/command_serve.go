package app

import (
	"context"
	"errors"
	"fmt"

	"tenantry/seed"
)

type serveCommand struct {
	Demo bool `help:"First make the demo tenants that are missing."`
}

// Help is shown with the flags.
func (serveCommand) Help() string {
	return `Writes the addresses of both listeners to standard output, one a line (with --json as one document), and the log to standard error. On SIGINT or SIGTERM it finishes what runs, for at most 30 seconds.

Examples:

    tenantry serve --demo
    tenantry serve --addr :8080 --base-domain app.example.com --database-url postgres://tenantry@db.internal/tenantry`
}

type serveDocument struct {
	Public   string   `json:"public"`
	Operator string   `json:"operator"`
	Demo     []string `json:"demo,omitempty"`
}

// Run serves until the context ends, which is no failure.
func (s *serveCommand) Run(c *command) error {
	err := c.with(func(a *App) error {
		var demo []seed.Result
		if s.Demo {
			var err error
			if demo, err = a.seed(c, nil); err != nil {
				return err
			}
		}
		return a.Run(c.ctx, func(l Listening) error { return a.announce(c.out, l, demo) })
	})
	if c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop before it served
	}
	return err
}

// announce tells where the listeners are, and where the demo tenants.
func (a *App) announce(out *output, l Listening, demo []seed.Result) error {
	d := serveDocument{Public: "http://" + l.Public.String(), Operator: "http://" + l.Operator.String()}
	for _, t := range demo {
		d.Demo = append(d.Demo, a.tenantURL(t.Subdomain, l.Public.String()))
	}
	if out.json {
		return out.document(d)
	}
	for i, t := range demo {
		if t.Outcome == seed.Skipped {
			out.hint("%s: left alone, %s", t.Subdomain, t.Reason)
			continue
		}
		out.hint("%s: %s", t.Name, d.Demo[i])
	}
	_, err := fmt.Fprintf(out.stdout, "public listening on %s\noperator listening on %s\n", d.Public, d.Operator)
	return err
}
