package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/text"
)

type backupRunCommand struct {
	Subdomains []string `arg:"" optional:"" name:"subdomain" help:"The tenants; all by default."`
	Whole      bool     `help:"Store whole databases, also where everything is stored already: for backups that are damaged."`
	TakeOver   bool     `help:"Store them also where another installation has its backups, which is refused there from then on."`
}

// Help is shown with the flags.
func (*backupRunCommand) Help() string {
	return `Backs up tenants now, if they were written since their last backup. A running server does so by itself: this is for what was written while none ran, and for a backup before something risky.

Where another installation has its backups, nothing is stored, also if it has the same secret key: choose another folder or prefix. If that installation is gone, or is this one with a master from before it was told apart, --take-over makes the place this one's.

Examples:

    tenantry backup run
    tenantry backup run acme globex
    tenantry backup run --whole acme
    tenantry backup run --take-over`
}

// Run backs up the tenants.
func (r *backupRunCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		if !a.HasBackups() {
			return app.ErrNoBackups
		}
		if r.TakeOver {
			if err := a.TakeOverBackups(c.ctx); err != nil {
				return err
			}
		}
		all, err := c.backedUp(a, r.Subdomains)
		if err != nil {
			return err
		}
		var errs []error
		stored, progress := 0, c.out.progress()
		for i, t := range all {
			err := r.store(c, a, t)
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("tenant %s: %w", t.Subdomain, err))
			} else {
				stored++
			}
			progress.step("backup", i+1, len(all))
		}
		if err := a.StoreMaster(c.ctx); err != nil { // last, so that all that it knows of is stored
			errs = append(errs, fmt.Errorf("master: %w", err))
		}
		if c.out.json {
			return errors.Join(errors.Join(errs...), c.out.Document(map[string]int{"stored": stored, "failed": len(all) - stored}))
		}
		if errors.Is(errors.Join(errs...), sealed.ErrOtherInstallation) {
			c.out.Hint("if that installation is gone, or is this one: tenantry backup run --take-over")
		}
		return errors.Join(errors.Join(errs...), c.out.Line("backed up %d of %s", stored, text.Count(len(all), "tenant")))
	})
}

func (r *backupRunCommand) store(c *Call, a *app.App, t *tenants.Tenant) error {
	if r.Whole {
		return a.StoreWhole(c.ctx, t)
	}
	return a.StoreBackup(c.ctx, t)
}

// backedUp returns the tenants with the subdomains, or else all whose databases can be backed up.
func (c *Call) backedUp(a *app.App, subdomains []string) (all []*tenants.Tenant, err error) {
	if len(subdomains) == 0 {
		return a.BackedUp(c.ctx)
	}
	for _, subdomain := range subdomains {
		t, err := c.tenant(a, subdomain)
		if err == nil && !a.CanBackUp(t) {
			err = fmt.Errorf("tenant %s: %w", subdomain, backup.ErrOtherEngine)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}
