package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

type doctorCommand struct {
	Repair    bool   `help:"Repair what can be repaired without losing data."`
	MakeEmpty string `placeholder:"SUBDOMAIN" help:"With --repair: give this tenant, whose database is lost, an empty one, and do nothing else."`

	consent
}

// Help is shown with the flags.
func (doctorCommand) Help() string {
	return `Compares the master with its servers, which can be running. Checks unfinished operations and tenants' credentials, databases, schemas and their versions, roles, settings and permissions, and looks for objects that belong to no tenant. Never removes a tenant's data. The exit status is 1 if a problem remains; advice, such as a better max_connections, is no problem.

To change the secret key, put a new one before the old one in TENANTRY_SECRET_KEY (or as first line of secret.key), restart, run "tenantry doctor --repair", and remove the old one once "tenantry doctor" finds nothing.

Examples:

    tenantry doctor
    tenantry doctor --repair --json
    tenantry doctor --repair --make-empty acme`
}

// Run examines the tenants.
func (d *doctorCommand) Run(c *Call) error {
	if d.MakeEmpty != "" && !d.Repair {
		return fmt.Errorf("%w: --make-empty needs --repair", errUsage)
	}
	return c.With(func(a *app.App) error {
		if d.MakeEmpty != "" {
			return d.makeEmpty(c, a)
		}
		show := c.out.progress()
		findings, err := a.Examine(c.ctx, lifecycle.Checkup{
			Repair: d.Repair, By: a.By(),
			Progress: func(done, total int) { show.step("examine", done, total) },
		})
		if err != nil {
			return err
		}
		return errors.Join(writeFindings(c.out, findings), verdict(findings))
	})
}

// makeEmpty gives the tenant named by --make-empty an empty database.
func (d *doctorCommand) makeEmpty(c *Call, a *app.App) error {
	t, err := c.tenant(a, d.MakeEmpty)
	if err == nil {
		err = a.Manager().ExpectMissing(c.ctx, t)
		if errors.Is(err, lifecycle.ErrNotMissing) {
			err = fmt.Errorf("%w; see: tenantry doctor", err)
		}
	}
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s gets an empty database, without users. Only a backup can bring back the lost data.", d.MakeEmpty)
	if err := d.ask(c, what, d.MakeEmpty); err != nil {
		return err
	}
	t, err = a.Manager().MakeEmpty(c.ctx, a.By(), d.MakeEmpty)
	if err == nil {
		c.out.Hint("%s has an empty database; invite an admin with: tenantry tenant admin %s --admin-email …", d.MakeEmpty, d.MakeEmpty)
	}
	return c.tellState(t, err, d.MakeEmpty)
}

func writeFindings(out *Output, findings []lifecycle.Finding) error {
	if out.json {
		return out.Document(document.ListOf(findings, ""))
	}
	if len(findings) == 0 {
		return out.Line("all is well")
	}
	var rows [][]string
	for _, f := range findings {
		remedy := f.Remedy
		if f.Repaired {
			remedy = "repaired"
		}
		rows = append(rows, []string{f.Kind, f.Subject, f.Detail, remedy})
	}
	return out.Rows([]string{"FINDING", "SUBJECT", "DETAIL", "WHAT TO DO"}, rows)
}

// verdict returns an error if something is still wrong.
func verdict(findings []lifecycle.Finding) error {
	wrong := 0
	for i := range findings {
		if findings[i].IsOpen() {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s not repaired", wrong, text.Count(len(findings), "finding"))
}
