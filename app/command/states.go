package command

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type suspendCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (suspendCommand) Help() string {
	return `Within a second every server answers 403 for the tenant. Requests under way are finished, for at most 30 seconds, and the command returns when none is left. The data stays.

Examples:

    tenantry tenant suspend acme
    tenantry tenant resume acme`
}

// Run suspends the tenant.
func (s *suspendCommand) Run(c *Call) error {
	return c.change(s.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Suspend(c.ctx, a.By(), s.Subdomain)
	})
}

type resumeCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (resumeCommand) Help() string {
	return `Undoes suspend, in every server within a second.

Examples:

    tenantry tenant resume acme`
}

// Run resumes the tenant.
func (r *resumeCommand) Run(c *Call) error {
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Resume(c.ctx, a.By(), r.Subdomain)
	})
}

type renameCommand struct {
	Subdomain    string `arg:"" help:"The tenant's subdomain."`
	New          string `arg:"" help:"The subdomain that it gets."`
	RedirectDays int    `placeholder:"DAYS" help:"Redirect the old subdomain to the new one for this many days; by default it answers 404 at once."`
}

// Help is shown with the flags.
func (renameCommand) Help() string {
	return `The tenant answers 503 until the requests under way are finished. Its people sign in again, since their cookies belong to the old host; API tokens stay valid. No other tenant gets the old subdomain for 30 days, or as long as it redirects.

Examples:

    tenantry tenant rename acme acme-joinery
    tenantry tenant rename acme acme-joinery --redirect-days 90`
}

// Run renames the tenant.
func (r *renameCommand) Run(c *Call) error {
	if r.RedirectDays < 0 {
		return fmt.Errorf("%w: --redirect-days is %d: want 0 or more", errUsage, r.RedirectDays)
	}
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Rename(c.ctx, a.By(), r.Subdomain, lifecycle.Rename{To: r.New, RedirectDays: r.RedirectDays})
	})
}

type setNameCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Name      string `arg:"" help:"The name that people read."`
}

// Help is shown with the flags.
func (setNameCommand) Help() string {
	return `The subdomain stays; see "tenantry tenant rename" for that. Pages show the new name within a second.

Examples:

    tenantry tenant set-name acme "Acme Joinery and Sons"`
}

// Run gives the tenant the name.
func (r *setNameCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := a.Manager().SetName(c.ctx, a.By(), r.Subdomain, r.Name)
		switch {
		case errors.Is(err, lifecycle.ErrInvalidName):
			return fmt.Errorf("%w: %w", errUsage, err)
		case err != nil:
			return tenantError(err, r.Subdomain)
		case c.out.json:
			return c.out.Document(document.TenantOf(t))
		}
		return c.out.Line("tenant %s is called %s", t.Subdomain, t.Name)
	})
}

// consent is asked for before what people would miss.
type consent struct {
	Yes bool `help:"Don't ask for the subdomain to be typed."`
}

// ask has the subdomain typed. It returns errUsage when something else was, or
// nothing.
func (y consent) ask(c *Call, what, subdomain string) error {
	if y.Yes {
		return nil
	}
	c.out.Hint("%s Type the subdomain to go on:", what)
	line, err := c.readLine("")
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(line); typed != subdomain {
		return fmt.Errorf("%w: %q was typed, not %q; nothing was done (scripts give --yes)", errUsage, typed, subdomain)
	}
	return nil
}

type archiveCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`

	consent
}

// Help is shown with the flags.
func (archiveCommand) Help() string {
	return `The tenant's host answers 404, like any unknown host. The data stays, is migrated with that of the others, and is served again after "tenantry tenant restore". Requests under way are finished, as with suspend.

Examples:

    tenantry tenant archive acme
    tenantry tenant archive acme --yes
    tenantry tenant restore acme`
}

// Run archives the tenant.
func (r *archiveCommand) Run(c *Call) error {
	if err := r.ask(c, r.Subdomain+" will answer 404.", r.Subdomain); err != nil {
		return err
	}
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Archive(c.ctx, a.By(), r.Subdomain)
	})
}

type restoreCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain; for a purged one that which it had, or its id."`
}

// Help is shown with the flags.
func (restoreCommand) Help() string {
	return `Brings back an archived tenant, or a purged one until its data is removed: see "remove_after" in "tenantry tenant show". A purged one comes back without its domains; the command names them, and "tenantry tenant domain add" brings each back.

Examples:

    tenantry tenant restore acme`
}

// Run restores the tenant.
func (r *restoreCommand) Run(c *Call) error {
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

// tellLost tells which domains a restored tenant had.
func (c *Call) tellLost(a *app.App, t *tenants.Tenant) error {
	hosts, err := a.Manager().LostDomains(c.ctx, t)
	for _, host := range hosts {
		c.out.Hint("%s went with the purge; it comes back with: tenantry tenant domain add %s %s", host, t.Subdomain, host)
	}
	return err
}

type purgeCommand struct {
	Subdomain string `arg:"" help:"The archived tenant's subdomain."`
	Grace     string `default:"7d" placeholder:"DURATION" help:"How long the data is kept in the trash, such as 7d or 12h (7d by default); 0 removes it at once."`

	consent
}

// Help is shown with the flags.
func (purgeCommand) Help() string {
	return `The tenant must be archived. Its database moves to the trash, and a running server removes it when the grace is over; until then "tenantry tenant restore" brings it back. Its domains go at once, and restore doesn't bring them back. No other tenant gets the subdomain for 30 days.

Examples:

    tenantry tenant purge acme
    tenantry tenant purge acme --grace 0 --yes`
}

// Run purges the tenant.
func (r *purgeCommand) Run(c *Call) error {
	grace, err := parseGrace(r.Grace)
	if err != nil {
		return fmt.Errorf("%w: --grace is %q: want a duration such as 7d or 12h, or 0", errUsage, r.Grace)
	}
	what := fmt.Sprintf("The data of %s will be removed for good in %v.", r.Subdomain, grace)
	if grace == 0 {
		what = fmt.Sprintf("The data of %s will be removed for good, now.", r.Subdomain)
	}
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, r.Subdomain)
		if err != nil {
			return err
		}
		if err := r.ask(c, what+domainsGo(t), r.Subdomain); err != nil {
			return err
		}
		t, err = a.Manager().Purge(c.ctx, a.By(), r.Subdomain, grace)
		return c.tellState(t, err, r.Subdomain)
	})
}

// domainsGo says that the tenant's domains go with a purge, if it has any.
func domainsGo(t *tenants.Tenant) string {
	if len(t.Domains) == 0 {
		return ""
	}
	var hosts []string
	for _, d := range t.Domains {
		hosts = append(hosts, d.Host)
	}
	return " Its domains go at once, and restore doesn't bring them back: " + strings.Join(hosts, ", ") + "."
}

const longestGrace = 10 * 365 * 24 * time.Hour

// parseGrace reads a duration, for which days may be given: 7d.
func parseGrace(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		hours, err := time.ParseDuration(days + "h")
		if err != nil || hours < 0 || hours > longestGrace {
			return 0, cmp.Or(err, errors.New("out of range"))
		}
		text = (24 * hours).String()
	}
	grace, err := time.ParseDuration(text)
	if err == nil && (grace < 0 || grace > longestGrace) {
		err = errors.New("out of range")
	}
	return grace, err
}

// change changes a tenant, and tells how it is now.
func (c *Call) change(subdomain string, do func(a *app.App) (*tenants.Tenant, error)) error {
	return c.With(func(a *app.App) error {
		t, err := do(a)
		return c.tellState(t, err, subdomain)
	})
}
