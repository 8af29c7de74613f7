package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"tenantry/app"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/portable"
	"tenantry/tenants/text"
)

type exportCommand struct {
	Subdomain       string `arg:"" help:"The tenant's subdomain."`
	File            string `arg:"" type:"path" help:"The file to make, or - for standard output."`
	WithCredentials bool   `help:"Include password hashes, sessions and tokens."`
	WithoutFiles    bool   `help:"Leave out the contents of files that are attached to tasks."`
	Force           bool   `help:"Replace an existing file."`
}

// Help is shown with the flags.
func (exportCommand) Help() string {
	return `The file is a SQLite database with all of the tenant's rows as they were at one moment, whatever engine it is on, and the contents of its files; the tenant goes on working. "tenantry tenant create --from" makes a tenant from it. It holds the customer's data in clear: keep it where nobody else can read it. Without --with-credentials nobody can sign in to a tenant made from it until someone is invited.

Examples:

    tenantry tenant export acme acme.db
    tenantry tenant export acme acme.db --with-credentials --force
    tenantry tenant export acme - | gzip > acme.db.gz`
}

// exported is the JSON document of an export.
type exported struct {
	File string `json:"file"`
	portable.About
}

// Run writes the file.
func (e *exportCommand) Run(c *Call) error {
	toPipe := e.File == "-"
	switch {
	case toPipe && c.out.json:
		return fmt.Errorf("%w: --json and - both write to standard output", errUsage)
	case toPipe && c.out.table:
		return fmt.Errorf("%w: the file is not for a terminal: name a file, or a pipe", errUsage)
	case !toPipe && !e.Force && exists(e.File):
		return fmt.Errorf("%w: %s exists; replace it with --force", errUsage, e.File)
	}
	dir := filepath.Dir(e.File)
	if toPipe {
		dir = os.TempDir()
	}
	temporary := filepath.Join(dir, ".tenantry-export-"+ulid.Make().String()+".tmp")
	return c.With(func(a *app.App) error {
		progress := c.out.progress()
		about, err := a.Manager().Export(c.ctx, a.By(), e.Subdomain, lifecycle.Export{
			WithoutFiles: e.WithoutFiles,
			Path:         temporary, Credentials: e.WithCredentials, Progress: func(done, all int) { progress.step("export "+e.Subdomain, done, all) },
		})
		if err != nil {
			return tenantError(err, e.Subdomain)
		}
		defer os.Remove(temporary) // unless it has got its name
		if toPipe {
			return c.copyFile(temporary)
		}
		if err := e.rename(temporary); err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(exported{e.File, about})
		}
		return c.out.Line("tenant %s is in %s: %s at schema version %d", e.Subdomain, e.File, text.Count(about.Rows(), "row"), about.SchemaVersion)
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// rename gives the file its name.
func (e *exportCommand) rename(temporary string) error {
	move := os.Link // which replaces no file
	if e.Force {
		move = os.Rename
	}
	err := move(temporary, e.File)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; replace it with --force", e.File)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(e.File))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// copyFile writes the file to standard output.
func (c *Call) copyFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(c.out.stdout, file)
	return err
}
