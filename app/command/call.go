package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/app/tracing"
)

// Call is what a command runs with. A command is a struct whose fields are flags
// and arguments as in kong, and a method Run(*Call) error.
type Call struct {
	ctx     context.Context
	name    string // the command's, without arguments
	process Process
	config  app.Config
	out     *Output
}

// Context ends when the command should stop.
func (c *Call) Context() context.Context { return c.ctx }

// getenv returns the value of an environment variable, or an empty text.
func (c *Call) getenv(name string) (value string) {
	for _, entry := range c.process.Environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// Out returns the command's output.
func (c *Call) Out() *Output { return c.out }

// closeTimeout limits the time to close the App if scopes have not ended.
const closeTimeout = 10 * time.Second

// With runs f with the App open on an existing installation.
func (c *Call) With(f func(a *app.App) error) error {
	config := c.config
	config.Existing = true
	return c.open(config, true, f)
}

// Install is like With, but creates the missing parts of the installation.
func (c *Call) Install(f func(a *app.App) error) error { return c.open(c.config, true, f) }

// open runs f with the App open. A patient one serves no requests.
func (c *Call) open(config app.Config, patient bool, f func(a *app.App) error) (err error) {
	options := c.process.Options
	options.Patient = patient
	if options.Traces, err = tracing.Wanted(c.getenv); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	options.Log = newLog(config, c.process.Stderr)
	if options.Manual == nil {
		options.Manual, _ = fs.Sub(manual, "help") // the name is always valid
	}
	a, err := app.New(c.ctx, config, options)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, a.Close(ctx))
	}()
	if !patient { // each request has a span of its own
		return f(a)
	}
	ctx, end := a.Trace(c.ctx, c.process.program()+" "+c.name)
	defer func() { end(err != nil) }()
	c.ctx = ctx
	return f(a)
}
