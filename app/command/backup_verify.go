package command

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/proof"
)

type backupVerifyCommand struct {
	Subdomains []string `arg:"" optional:"" name:"subdomain" help:"The tenants; all by default."`
	Sample     int      `placeholder:"N" help:"Verify only this many, chosen at random."`
}

// Help is shown with the flags.
func (*backupVerifyCommand) Help() string {
	return `Restores the newest backup of each tenant to a file, and checks the checksums, that the file is the tenant's, its schema, its integrity and its foreign keys; and of a tenant on Postgres, the sums of the rows. The file is removed. The exit status is 1 if a backup fails.

Examples:

    tenantry backup verify acme
    tenantry backup verify --sample 20
    tenantry backup verify --json`
}

// verified is the result of a tenant.
type verified struct {
	Tenant string     `json:"tenant"`
	At     *time.Time `json:"at"`
	Size   int64      `json:"size"`
	Files  int        `json:"files"`
	Took   float64    `json:"took_seconds"`
	Error  string     `json:"error,omitempty"`
}

// errProof means that a backup can't be relied on.
var errProof = errors.New("a backup can't be restored; make a new one with: tenantry backup run --whole SUBDOMAIN")

// errUntried means that it isn't known whether backups can be relied on.
var errUntried = errors.New("backups could not be tried; when what the list names is mended, run the command again")

// adviceOn returns what to do about a tenant's error and those of the tenants before.
func adviceOn(err, before error) error {
	advice := errProof
	if errors.Is(err, proof.ErrUntried) {
		advice = errUntried
	}
	if errors.Is(before, advice) {
		return before
	}
	return errors.Join(before, advice)
}

// Run verifies the tenants.
func (v *backupVerifyCommand) Run(c *Call) error {
	if v.Sample < 0 {
		return fmt.Errorf("%w: --sample is %d: want a number of tenants", errUsage, v.Sample)
	}
	return c.With(func(a *app.App) error {
		if !a.HasBackups() {
			return app.ErrNoBackups
		}
		all, err := c.backedUp(a, v.Subdomains)
		if err != nil {
			return err
		}
		if v.Sample > 0 && v.Sample < len(all) {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			all = all[:v.Sample]
		}
		var results []verified
		var failed error
		progress := c.out.progress()
		for i, t := range all {
			r, err := a.Proofs().Try(c.ctx, a.By(), t)
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			result := verified{Tenant: t.Subdomain, Size: r.Size, Files: r.Files, Took: r.Took.Seconds()}
			if !r.At.IsZero() {
				result.At = &r.At
			}
			if err != nil {
				result.Error, failed = err.Error(), adviceOn(err, failed)
			}
			results = append(results, result)
			progress.step("verify", i+1, len(all))
		}
		if c.out.json {
			return errors.Join(failed, c.out.Document(document.ListOf(results, "")))
		}
		return errors.Join(failed, writeVerified(c.out, results))
	})
}

func writeVerified(out *Output, results []verified) error {
	var rows [][]string
	for _, r := range results {
		at, state := "", "whole"
		if r.At != nil {
			at = r.At.Format(time.RFC3339)
		}
		if r.Error != "" {
			state = r.Error
		}
		rows = append(rows, []string{r.Tenant, at, fmt.Sprint(r.Size), fmt.Sprint(r.Files), fmt.Sprintf("%.3fs", r.Took), state})
	}
	return out.Rows([]string{"TENANT", "AT", "BYTES", "FILES", "TOOK", "STATE"}, rows)
}
