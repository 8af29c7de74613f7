package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type restoreCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain; for a purged tenant its former subdomain or its id."`
	At        string `placeholder:"TIME" help:"Make a new tenant of the backup from this time or the last one before, such as '2026-11-25 17:30' or 2026-11-25T17:30:00Z; the newest with --as alone."`
	As        string `placeholder:"SUBDOMAIN" help:"Subdomain of the new tenant."`
	Server    string `help:"With --as: server for the new tenant's database."`
}

// Help is shown with the flags.
func (*restoreCommand) Help() string {
	return `Brings back an archived tenant, or a purged one until its data is removed: see "remove_after" in "tenantry tenant show". A purged one comes back without its domains; the command names them, and "tenantry tenant domain add" brings each back.

With --as it makes a new tenant of a backup instead, and leaves the tenant as it is, so that people can compare. A time without a zone is in this machine's. See "tenantry help backup".

Examples:

    tenantry tenant restore acme
    tenantry tenant restore acme --at '2026-11-25 17:30' --as acme-before
    tenantry tenant restore acme --as acme-copy --json`
}

// Run restores the tenant.
func (r *restoreCommand) Run(c *Call) error {
	if r.As != "" {
		return r.restoreAs(c)
	}
	if r.At != "" || r.Server != "" {
		return fmt.Errorf("%w: name the new tenant with --as", errUsage)
	}
	return c.With(func(a *app.App) error {
		before, err := c.tenant(a, r.Subdomain)
		if err != nil {
			return err
		}
		t, err := a.Manager().Restore(c.ctx, a.By(), r.Subdomain)
		if err := c.tellState(t, err, r.Subdomain); err != nil || before.State != tenants.StatePurged {
			return err
		}
		return c.tellLost(a, t)
	})
}

// tellLost writes which domains the purge of a restored tenant removed.
func (c *Call) tellLost(a *app.App, t *tenants.Tenant) error {
	hosts, err := a.Manager().LostDomains(c.ctx, t)
	for _, host := range hosts {
		c.out.Hint("the purge removed the domain %s; add it again with: tenantry tenant domain add %s %s", host, t.Subdomain, host)
	}
	return err
}

// restoredDocument is a tenant that was made of a backup.
type restoredDocument struct {
	document.Tenant
	RestoredAt time.Time `json:"restored_at"`
	// Earlier is how long before the time that was asked for that was, in seconds; 0 if none was.
	Earlier float64 `json:"earlier_seconds"`
}

// restoreAs makes a new tenant of a backup.
func (r *restoreCommand) restoreAs(c *Call) error {
	at, err := parseTime(r.At)
	if err != nil {
		return err
	}
	if err := tenants.ValidateSubdomain(r.As); err != nil {
		return err
	}
	if at.After(time.Now()) {
		at = time.Time{} // the newest
	}
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, r.Subdomain)
		if err != nil {
			return err
		}
		made, restored, err := a.RestoreAs(c.ctx, t, at, lifecycle.NewTenant{Subdomain: r.As, Name: t.Name, Server: r.Server, By: a.By()})
		if errors.Is(err, backup.ErrNoBackup) {
			return fmt.Errorf("tenant %q: %w; see: tenantry backup list %s", t.Subdomain, err, t.Subdomain)
		}
		if err != nil {
			return createError(err, r.As)
		}
		var earlier time.Duration
		if !at.IsZero() {
			earlier = at.Sub(restored.At)
		}
		if c.out.json {
			return c.out.Document(restoredDocument{document.TenantOf(made), restored.At, earlier.Seconds()})
		}
		distance := ""
		if !at.IsZero() {
			distance = fmt.Sprintf(" (%v before that time)", earlier.Round(time.Second))
		}
		return c.out.Line("tenant %s has the data of %s from %s%s, at %s",
			made.Subdomain, t.Subdomain, restored.At.Format(time.RFC3339), distance, a.TenantURL(made.Subdomain))
	})
}

// parseTime parses a point in time; one without a zone is in this machine's. An empty text is the zero time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: --at is %q: want a time such as '2026-11-25 17:30' or 2026-11-25T17:30:00Z", errUsage, text)
}
