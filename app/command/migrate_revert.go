package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants/fleet"
	"tenantry/tenants/text"
)

type revertCommand struct {
	ID     string `arg:"" optional:"" name:"run" help:"The run. Defaults to the last one that has kept copies."`
	Tenant string `placeholder:"SUBDOMAIN" help:"Put back only the copy of this tenant."`
	consent
}

// Help is shown with the flags.
func (*revertCommand) Help() string {
	return `Puts back the copies of databases that "tenantry migrate up --keep-copies" has kept: the tenants are as they were before the run. What was written since is lost. The command says of which tenants something was, and asks. Each tenant answers 503 meanwhile. Tenants whose migration failed stay as they are.

Afterwards they are served by builds that serve the older version, as after "tenantry migrate down", and no request migrates them again.

On Postgres no copies are kept: undo the migrations with "tenantry migrate down", or restore a backup.

Examples:

    tenantry migrate revert
    tenantry migrate revert --tenant acme
    tenantry migrate revert 01kb05k4mhg5sm3e9n7cfyd4yz --yes`
}

type reverted struct {
	Run string `json:"run"`
	// Reverted is the number of tenants whose copies were put back.
	Reverted int            `json:"reverted"`
	Failed   []failedTenant `json:"failed"`
}

// Run puts the copies of a run back.
func (r *revertCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		show := c.out.progress()
		forecast, err := a.Fleet().ForecastRevert(c.ctx, r.ID, r.Tenant, func(done, total int) { show.step("compare with the copies", done, total) })
		if err != nil {
			return adviseCopies(adviseRun(err))
		}
		if len(forecast.Tenants) > 0 {
			if err := r.askAbout(c, forecast); err != nil {
				return err
			}
		}
		err = a.Fleet().Revert(c.ctx, a.By(), forecast, func(done, total int) { show.step("put copies back", done, total) })
		result := reverted{forecast.Run.ID, len(forecast.Tenants), []failedTenant{}}
		var partial *fleet.PartialError
		if errors.As(err, &partial) {
			result.Reverted = partial.Migrated
			for _, f := range partial.Failed {
				result.Failed = append(result.Failed, failedTenant{f.Subdomain, f.Err.Error(), f.Advice()})
			}
		}
		return errors.Join(err, result.write(c.out))
	})
}

// askAbout says what would be lost, and asks.
func (r *revertCommand) askAbout(c *Call, forecast *fleet.Reversion) error {
	const most = 20
	written := 0
	for _, t := range forecast.Tenants {
		if t.WrittenAt == nil && t.Error == "" {
			continue
		}
		if written++; written <= most {
			c.out.Hint("%s", revertLine(t))
		}
	}
	if written > most {
		c.out.Hint("and %s more", text.Count(written-most, "tenant"))
	}
	what := fmt.Sprintf("Migration run %s is reverted: copies are put back of %s.", forecast.Run.ID, text.Count(len(forecast.Tenants), "tenant"))
	if written > 0 {
		what += fmt.Sprintf(" What was written since to %d of them is lost.", written)
	}
	if r.Tenant != "" {
		return r.ask(c, what, r.Tenant)
	}
	return r.askFor(c, what, "id of the run", forecast.Run.ID)
}

// revertLine says what a tenant would lose.
func revertLine(t fleet.RevertedTenant) string {
	if t.Error != "" {
		return fmt.Sprintf("tenant %s can't be compared with its copy: %s", t.Subdomain, t.Error)
	}
	rows := "too large to compare row by row"
	if t.Rows >= 0 {
		rows = fmt.Sprintf("rows that differ from the copy: %d", t.Rows)
	}
	return fmt.Sprintf("tenant %s was written after its migration, last at %s; the copy is of %s; %s",
		t.Subdomain, t.WrittenAt.Format(time.RFC3339), t.CopiedAt.Format(time.RFC3339), rows)
}

func (r reverted) write(out *Output) error {
	if out.json {
		return out.Document(r)
	}
	for _, f := range r.Failed {
		out.Hint("tenant %s: %s", f.Subdomain, f.Error)
	}
	return out.Line("%s reverted, %d failed", text.Count(r.Reverted, "tenant"), len(r.Failed))
}
