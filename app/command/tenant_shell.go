package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"tenantry/app"
	"tenantry/tenants"
)

type shellCommand struct {
	Subdomain string   `arg:"" help:"The tenant's subdomain."`
	Write     bool     `help:"Let the client write."`
	Args      []string `arg:"" optional:"" help:"Arguments for the client, after --."`
}

// Help is shown with the flags.
func (shellCommand) Help() string {
	return `Starts sqlite3 on the tenant's file, or psql as the tenant's role, which reaches no other tenant; on a server with placement schema RESET ROLE leads out of it, as nothing in a scope does. The ledger has who opened it, and whether it may write.

Without --write sqlite3 opens the file for reading only; psql's transactions are read-only unless a statement says otherwise. With --write no other operation on the tenant begins until the client has ended: neither a move nor a migration. What is written there gets no activity and no hooks, and what changes the schema is a finding of "tenantry doctor".

The exit status is 1 if the client's isn't 0.

Examples:

    tenantry tenant shell acme
    tenantry tenant shell acme --write
    tenantry tenant shell acme -- 'SELECT count(*) FROM tasks'       # sqlite3
    tenantry tenant shell acme -- -c 'SELECT count(*) FROM tasks'    # psql`
}

// Run starts the client and waits until it has ended.
func (s *shellCommand) Run(c *Call) error {
	if c.out.json {
		return fmt.Errorf("%w: --json: the output is the client's; give it arguments instead, such as -- -json for sqlite3", errUsage)
	}
	// The client gets Ctrl-C, too, and decides what it means.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx := context.WithoutCancel(c.ctx)
	return c.With(func(a *app.App) error {
		client, err := a.Manager().Client(ctx, s.Subdomain, s.Write)
		if err != nil {
			return tenantError(err, s.Subdomain)
		}
		path, err := exec.LookPath(client.Program)
		if err != nil {
			return fmt.Errorf("%s is not in the PATH: install it (Debian: apt-get install %s)", client.Program, packageOf(client.Program))
		}
		var failure error
		err = a.Manager().Shell(ctx, a.By(), s.Subdomain, s.Write, func(ctx context.Context) {
			failure = c.attach(ctx, path, client, s.Args, signals)
		})
		return errors.Join(tenantError(err, s.Subdomain), failure)
	})
}

// packageOf returns the Debian package that has a client.
func packageOf(program string) string {
	if program == "psql" {
		return "postgresql-client"
	}
	return program
}

// attach runs the client on this process's input and output. It passes on SIGTERM and SIGHUP; a terminal sends SIGINT to
// both. The client gets none of the program's own settings.
func (c *Call) attach(ctx context.Context, path string, client tenants.Client, args []string, signals <-chan os.Signal) error {
	run := exec.CommandContext(ctx, path, slices.Concat(client.Args, args)...)
	run.Stdin, run.Stdout, run.Stderr = c.process.Stdin, c.out.stdout, c.process.Stderr
	run.Env = clientEnviron(c.process.Environ, client)
	run.SysProcAttr = diesWithParent()
	runtime.LockOSThread() // the client ends with the thread that started it
	defer runtime.UnlockOSThread()
	if err := run.Start(); err != nil {
		return fmt.Errorf("start %s: %w", client.Program, err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-signals:
				if s != syscall.SIGINT {
					_ = run.Process.Signal(s) // the client may have ended
				}
			}
		}
	}()
	if err := run.Wait(); err != nil {
		return fmt.Errorf("%s: %w", client.Program, err)
	}
	return nil
}

// clientEnviron returns the environment of a client: without the program's own settings, some of which are secret.
func clientEnviron(environ []string, client tenants.Client) []string {
	kept := slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, app.EnvPrefix) || slices.Contains(client.Unset, name)
	})
	return append(kept, client.Env...)
}
