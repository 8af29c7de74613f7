package command

import (
	"errors"

	"tenantry/app"
	"tenantry/tenants/fleet"
)

type upCommand struct{}

// Help is shown with the flags.
func (upCommand) Help() string {
	return `Each tenant answers 503 while it is migrated. If the migration of a tenant fails, the command names the tenant, which keeps its version, and migrates the others. Run it again to retry those that failed.

Examples:

    tenantry migrate up
    tenantry migrate up --json`
}

type migrated struct {
	Migrated int            `json:"migrated"`
	Failed   []failedTenant `json:"failed"`
}

type failedTenant struct {
	Subdomain string `json:"subdomain"`
	Error     string `json:"error"`
}

// Run migrates the tenants that are behind.
func (upCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		show := c.out.progress()
		count, err := fleet.Migrate(c.ctx, a.Store(), a.Manager(), a.By(), func(p fleet.Progress) {
			show.step("migrate", p.Done, p.Total)
		})
		if err := a.Manager().ClearTemplates(c.ctx); err != nil {
			a.Log().WarnContext(c.ctx, "clear templates of other migrations", "error", err)
		}
		result := migrated{Migrated: count, Failed: []failedTenant{}}
		var partial *fleet.PartialError
		if err != nil && !errors.As(err, &partial) {
			return err
		}
		if partial != nil {
			for _, f := range partial.Failed {
				result.Failed = append(result.Failed, failedTenant{f.Subdomain, f.Err.Error()})
			}
		}
		return errors.Join(err, result.write(c.out))
	})
}

func (m migrated) write(out *Output) error {
	if out.json {
		return out.Document(m)
	}
	for _, f := range m.Failed {
		out.Hint("tenant %s: %s", f.Subdomain, f.Error)
	}
	return out.Line("%d tenants migrated, %d failed", m.Migrated, len(m.Failed))
}
