package command

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
)

type purgeCommand struct {
	Subdomain string `arg:"" help:"The archived tenant's subdomain."`
	Grace     string `default:"7d" placeholder:"DURATION" help:"How long to keep the data in the trash, such as 7d (the default) or 12h; 0 removes it at once."`

	consent
}

// Help is shown with the flags.
func (purgeCommand) Help() string {
	return `The tenant must be archived. Its database moves to the trash, and a running server removes it after the grace period; until then "tenantry tenant restore" can bring it back. Its domains are removed at once, and restore doesn't bring them back. No other tenant gets the subdomain for 30 days.

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

// domainsGo returns a sentence that a purge also removes the tenant's domains, or
// "" if it has none.
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

// parseGrace parses a duration, which may be in days, such as 7d.
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
