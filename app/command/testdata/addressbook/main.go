// Command addressbook keeps each tenant's contacts.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"tenantry/app"
	"tenantry/app/command"

	"example.com/addressbook/handlers"
	"example.com/addressbook/models"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(command.Main(ctx, command.Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Options: options(),
	}))
}

// options are what makes this application another than the work tracker.
func options() app.Options {
	return app.Options{
		Schema: models.Schema(), Routes: handlers.Routes, Hooks: handlers.Hooks(), Jobs: handlers.Jobs(),
		Settings: models.TenantSettings(),
	}
}
