package command

import (
	"github.com/alecthomas/kong"

	"tenantry/app"
)

const description = `Serves tenants, each from a database of its own, at a subdomain of their own.

Commands work beside a running server; what they change is in force there within a second.
Exit status: 0 done, 1 failed, 2 wrong usage or a bad setting.

Secrets are taken from the environment alone, since other users of a machine can read arguments:

    TENANTRY_SECRET_KEY      seals what is secret in the master: 32 bytes in base64, several with
                             commas, the newest first; secret.key in the data folder by default;
                             needed with Postgres
    TENANTRY_OPERATOR_TOKEN  lets operators in, 32 characters or more; operator.token in the
                             data folder by default
    TENANTRY_DEMO_PASSWORD   for serve --demo; a random one at each start by default
    TENANTRY_SMTP_URL        mail server, as smtp://USER:PASSWORD@HOST:PORT or smtps://…; messages wait for an operator by default
    TENANTRY_WEBHOOK_URL     where operations are told of when they end, as https://HOST/PATH, signed with
    TENANTRY_WEBHOOK_SECRET  whsec_ and 24 to 64 random bytes in base64; none by default`

// commandLine has all commands and global flags.
type commandLine struct {
	app.Config `embed:"" group:"settings"`

	JSON bool `name:"json" help:"Write the result as one JSON document on standard output, and an error as {\"error\": …} on standard error."`

	NoHeader    bool             `help:"Leave the header line out of tables."`
	ShowVersion kong.VersionFlag `name:"version" help:"Show what this program was built from."`

	Serve      serveCommand      `cmd:"" help:"Serve tenants until SIGINT or SIGTERM."`
	Tenant     tenantCommand     `cmd:"" help:"Create and show tenants, and change their state, subdomain and domains."`
	Server     serverCommand     `cmd:"" help:"Add servers for tenants' databases, and show, drain and remove them."`
	Operator   operatorCommand   `cmd:"" help:"Manage operators' accounts."`
	Operations operationsCommand `cmd:"" help:"List operations on tenants, the newest first."`
	Jobs       jobsCommand       `cmd:"" help:"List tenants' jobs, and run discarded ones again."`
	Top        topCommand        `cmd:"" help:"Show what the busiest tenants do now."`
	Migrate    migrateCommand    `cmd:"" help:"Bring tenants' databases up to date."`
	Backup     backupCommand     `cmd:"" help:"Back up tenants, and see that the backups can be restored."`
	Seed       seedCommand       `cmd:"" help:"Create missing demo tenants, and fill them with data."`
	Doctor     doctorCommand     `cmd:"" help:"Find and repair problems with tenants and servers."`
	Key        keyCommand        `cmd:"" help:"Make secret keys."`
	Version    versionCommand    `cmd:"" help:"Show what this program was built from."`

	Help       helpCommand       `cmd:"" help:"Print a chapter of the manual."`
	Completion completionCommand `cmd:"" help:"Print a script that completes commands in a shell."`
	Complete   completeCommand   `cmd:"" hidden:""`

	kong.Plugins // the application's own
}
