package command

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/alecthomas/kong"

	"tenantry/app"
	"tenantry/tenants/fleet"
	"tenantry/tenants/text"
)

// dryRun is the value of --dry-run: of what a copy is made. It is empty without the flag.
type dryRun string

// The kinds of rehearsals.
const (
	drySchema dryRun = "schema"
	dryData   dryRun = "data"
)

// IsBool lets the flag be given without a value.
func (*dryRun) IsBool() bool { return true }

// Decode reads the flag's value, which defaults to schema.
func (d *dryRun) Decode(c *kong.DecodeContext) error {
	*d = drySchema
	if c.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	value := c.Scan.Pop().String()
	*d = dryRun(value)
	if *d != drySchema && *d != dryData {
		return fmt.Errorf("is %q: want schema or data", value)
	}
	return nil
}

// rehearsed is the result of a rehearsal on data.
type rehearsed struct {
	// Seed makes the random choice again.
	Seed  uint64            `json:"seed"`
	Items []fleet.Rehearsal `json:"items"`
}

// rehearse tries the migrations on copies.
func (u *upCommand) rehearse(c *Call, a *app.App) error {
	parallel := fleet.DefaultParallel
	if u.Parallel != nil {
		parallel = *u.Parallel
	}
	plan := fleet.Plan{Tenants: u.Tenant, Except: u.Except, Server: u.Server, Failed: u.RetryFailed, First: u.First, Canaries: u.Canary, Parallel: parallel}
	show := c.out.progress()
	if u.DryRun == drySchema {
		forecasts, err := a.Fleet().Forecast(c.ctx, plan, func(done, total int) { show.step("rehearse", done, total) })
		if err != nil && len(forecasts) == 0 {
			return err
		}
		return errors.Join(err, writeForecasts(c.out, forecasts, parallel, true), (&planCommand{}).verdict(forecasts))
	}
	result := rehearsed{Seed: u.Seed}
	if result.Seed == 0 {
		result.Seed = uint64(rand.Uint32())
	}
	var err error
	result.Items, err = a.Fleet().Rehearse(c.ctx, plan, result.Seed, func(done, total int) { show.step("rehearse", done, total) })
	if err != nil && len(result.Items) == 0 {
		return adviseRun(err)
	}
	return errors.Join(err, result.write(c.out), result.verdict())
}

// verdict returns an error if a rehearsal failed.
func (r rehearsed) verdict() error {
	failed := 0
	for _, of := range r.Items {
		if of.Error != "" {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, text.Count(len(r.Items), "rehearsal"))
	}
	return nil
}

func (r rehearsed) write(out *Output) error {
	if out.json {
		return out.Document(r)
	}
	if len(r.Items) == 0 {
		return out.Line("there is nothing to migrate")
	}
	for _, of := range r.Items {
		text := fmt.Sprintf("tenant %s on server %s, with %s: %s", of.Subdomain, of.Server, sizeText(of.Bytes), strings.Join(of.Reasons, ", "))
		if of.Error != "" {
			text += "\n  failed: " + of.Error
		}
		if of.Report != nil {
			text += fmt.Sprintf("\n  copied in %s, migrated in %s", secondsText(of.Report.CopySeconds), secondsText(of.Report.Seconds()))
		}
		err := out.Line("%s", text)
		if of.Report != nil {
			err = errors.Join(err, writeReport(out, of.Report, true, false))
		}
		if err != nil {
			return err
		}
	}
	return out.Line("rehearsed on copies of %s; the same ones are chosen with --seed %d", text.Count(len(r.Items), "tenant"), r.Seed)
}
