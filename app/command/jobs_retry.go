package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
)

type retryJobsCommand struct {
	Args   []string `arg:"" name:"id" optional:"" help:"The tenant's subdomain, unless --master is given, and the jobs; see: tenantry jobs list --tenant SUBDOMAIN --failed."`
	Master bool     `help:"Jobs without tenant, which are in the master."`
	All    bool     `help:"All discarded jobs."`
}

// Help is shown with the flags.
func (retryJobsCommand) Help() string {
	return `The jobs get all of their attempts again, the first one at once. The exit status is 1 if none of them was discarded.

Examples:

    tenantry jobs retry acme 01m8dxv4pe1tk5a9whcztpvavr
    tenantry jobs retry acme --all
    tenantry jobs retry --master --all`
}

// Run makes the jobs run again.
func (r *retryJobsCommand) Run(c *Call) error {
	ids, subdomain := r.Args, ""
	if !r.Master {
		if len(ids) == 0 {
			return fmt.Errorf("%w: name a tenant, or say --master", errUsage)
		}
		subdomain, ids = ids[0], ids[1:]
	}
	if (len(ids) > 0) == r.All {
		return fmt.Errorf("%w: name jobs, or say --all", errUsage)
	}
	return c.With(func(a *app.App) error {
		t, err := r.tenant(c, a, subdomain)
		if err != nil {
			return err
		}
		n, err := a.Manager().RetryJobs(c.ctx, a.By(), t, ids...)
		switch {
		case err != nil:
			return tenantError(err, subdomain)
		case n == 0 && r.Master:
			return errors.New("there is no such discarded job without tenant; see: tenantry jobs list --master --failed")
		case n == 0:
			return fmt.Errorf("tenant %s has no such discarded job; see: tenantry jobs list --tenant %s --failed", subdomain, subdomain)
		case c.out.json:
			return c.out.Document(map[string]int64{"retried": n})
		case r.Master:
			return c.out.Line("jobs without tenant that run again: %d", n)
		}
		return c.out.Line("jobs of tenant %s that run again: %d", subdomain, n)
	})
}

// tenant returns the tenant with that subdomain, or nil for the master.
func (r *retryJobsCommand) tenant(c *Call, a *app.App, subdomain string) (*tenants.Tenant, error) {
	if r.Master {
		return nil, nil
	}
	t, err := a.Manager().Get(c.ctx, subdomain)
	if err != nil {
		return nil, tenantError(err, subdomain)
	}
	return t, nil
}
