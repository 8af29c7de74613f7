package command

import (
	"errors"
	"os"

	"gorm.io/gorm"

	"tenantry/app"
	schemas "tenantry/tenants/shape"
)

type schemaCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	File      string `arg:"" optional:"" type:"path" help:"The new file to write. Defaults to standard output."`
}

// Help is shown with the flags.
func (schemaCommand) Help() string {
	return `The SQL makes the schema that the tenant's database has at this moment, without rows, in an empty database of the same engine: compare it with another tenant's, or give it to a tool.

Examples:

    tenantry tenant schema acme
    tenantry tenant schema acme acme.sql
    diff <(tenantry tenant schema acme) <(tenantry tenant schema globex)`
}

// Run writes the schema.
func (s *schemaCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, s.Subdomain)
		if err != nil {
			return err
		}
		engine, err := a.Store().Server(t.Server)
		if err != nil {
			return err
		}
		var text string
		err = a.Store().Maintain(c.ctx, t, func(tx *gorm.DB) error {
			statements, err := schemas.Statements(c.ctx, tx.Statement.ConnPool, engine.Dialect())
			for _, statement := range statements {
				text += statement + ";\n"
			}
			return err
		})
		if err != nil {
			return tenantError(err, s.Subdomain)
		}
		switch {
		case c.out.json:
			return c.out.Document(map[string]string{"subdomain": t.Subdomain, "dialect": engine.Dialect(), "sql": text})
		case s.File == "":
			_, err = c.out.stdout.Write([]byte(text))
			return err
		}
		return writeNew(s.File, text)
	})
}

// writeNew writes a file that must not exist, accessible to its owner only.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
