package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/text"
	"tenantry/tenants/trial"
)

type planCommand struct {
	Tenant   subdomains `placeholder:"SUBDOMAIN,..." help:"Plan only for these tenants."`
	Server   string     `help:"Plan only for tenants on this server."`
	Parallel int        `default:"4" placeholder:"N" help:"Estimate for this many databases at the same time on each server, up to 64."`
	Strict   bool       `help:"Fail if something is dangerous, for example in CI."`
}

// Help is shown with the flags.
func (*planCommand) Help() string {
	return `Shows the migrations that "tenantry migrate up" would apply, for each server and schema version: their SQL, the number of tenants and the size of their databases, an estimate of the time, and what is dangerous about each statement, with what to write instead.

The dangers are what the server says: the command applies the migrations to an empty database of the version, and removes it. It opens no tenant's database. What depends on a tenant's rows, only "tenantry migrate up --dry-run=data" can tell. The estimate takes each table for as large as its database.

The exit status is 1 if a migration fails on the empty database; with --strict also if something is dangerous.

Examples:

    tenantry migrate plan
    tenantry migrate plan --tenant acme
    tenantry migrate plan --strict --json`
}

// Run shows what the pending migrations would do.
func (p *planCommand) Run(c *Call) error {
	if p.Parallel == 0 {
		return fmt.Errorf("%w: --parallel is 0: want a number from 1", errUsage)
	}
	plan := fleet.Plan{Tenants: p.Tenant, Server: p.Server, Parallel: p.Parallel}
	if err := plan.Check(); err != nil {
		return filterError(err)
	}
	return c.With(func(a *app.App) error {
		show := c.out.progress()
		forecasts, err := a.Fleet().Forecast(c.ctx, plan, func(done, total int) { show.step("try the migrations", done, total) })
		if err != nil && len(forecasts) == 0 {
			return err
		}
		return errors.Join(err, writeForecasts(c.out, forecasts, p.Parallel, false), p.verdict(forecasts))
	})
}

// verdict returns an error if the plan can't be carried out, or if it must not be.
func (p *planCommand) verdict(forecasts []fleet.Forecast) error {
	var errs []error
	dangers := 0
	for i := range forecasts {
		if failure := forecasts[i].Report.Error; failure != "" {
			errs = append(errs, fmt.Errorf("server %q, version %d: the migration fails: %s", forecasts[i].Server, forecasts[i].From, failure))
		}
		dangers += forecasts[i].Dangers()
	}
	if p.Strict && dangers > 0 {
		errs = append(errs, fmt.Errorf("the plan has %s", text.Count(dangers, "danger")))
	}
	return errors.Join(errs...)
}

// writeForecasts writes what the migrations did to empty databases. timed adds how long each statement took.
func writeForecasts(out *Output, forecasts []fleet.Forecast, parallel int, timed bool) error {
	if out.json {
		return out.Document(document.ListOf(forecasts, ""))
	}
	if len(forecasts) == 0 {
		return out.Line("there is nothing to migrate")
	}
	for i := range forecasts {
		f := &forecasts[i]
		text := fmt.Sprintf("server %s, version %d to %d: tenants: %d, with %s", f.Server, f.From, f.To, f.Tenants, sizeText(f.Bytes))
		if f.Largest != "" && f.Tenants > 1 {
			text += fmt.Sprintf("; the largest is %s with %s", f.Largest, sizeText(f.LargestBytes))
		}
		if f.Unmeasured > 0 {
			text += fmt.Sprintf("; %d could not be measured", f.Unmeasured)
		}
		text += fmt.Sprintf("; about %s, %d at the same time", secondsText(f.Seconds), parallel)
		if err := errors.Join(out.Line("%s", text), writeOlderBuilds(out, f), writeReport(out, f.Report, timed, true)); err != nil {
			return err
		}
	}
	return nil
}

// writeOlderBuilds writes which builds can serve the tenants afterwards, and which running processes can't.
func writeOlderBuilds(out *Output, f *fleet.Forecast) error {
	errs := []error{out.Line("  afterwards builds from version %d on serve them", f.OlderCode)}
	for _, b := range f.OlderBuilds {
		errs = append(errs, out.Line("  danger: %s, of a build for version %d, is running since %s and can't serve them: stop it first", b.Name, b.SchemaVersion, b.StartedAt.Format(time.RFC3339)))
	}
	return errors.Join(errs...)
}

// writeReport writes what each statement did.
func writeReport(out *Output, report *trial.Report, timed, findings bool) error {
	var lines []string
	for _, m := range report.Migrations {
		name := "  " + m.Name
		if !m.Transaction {
			name += ", outside of a transaction"
		}
		lines = append(lines, name)
		for _, s := range m.Statements {
			lines = append(lines, statementLines(s, timed)...)
			if findings {
				lines = append(lines, findingLines(s.Findings, "      ")...)
			}
		}
		if findings {
			lines = append(lines, findingLines(m.Findings, "    ")...)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return out.Line("%s", strings.Join(lines, "\n"))
}

func statementLines(s trial.Statement, timed bool) []string {
	lines := []string{"    " + strings.ReplaceAll(s.SQL, "\n", "\n    ")}
	if timed {
		lines = append(lines, fmt.Sprintf("      took %s, rows changed: %d", secondsText(s.Seconds), s.Rows))
	}
	for _, l := range s.Locks {
		text := fmt.Sprintf("      locks %s: %s", l.Table, l.Mode)
		if l.Blocks != "" {
			text += fmt.Sprintf(", for which %s wait", l.Blocks)
		}
		lines = append(lines, text)
	}
	return lines
}

func findingLines(findings []trial.Finding, indent string) (lines []string) {
	for _, f := range findings {
		word := "note"
		if f.Danger {
			word = "danger"
		}
		lines = append(lines, fmt.Sprintf("%s%s: %s", indent, word, f.Detail))
		if f.Instead != "" {
			lines = append(lines, fmt.Sprintf("%s  instead: %s", indent, f.Instead))
		}
	}
	return lines
}

// sizeText writes a number of bytes for people.
func sizeText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	value, unit := float64(n), 0
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// secondsText writes a time for people.
func secondsText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
