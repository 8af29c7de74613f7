package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

type maintenanceCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain; with --all, on or off."`
	Switch    string `arg:"" optional:"" placeholder:"on|off" help:"on closes the tenant, off serves it again."`
	All       bool   `help:"All active and suspended tenants."`
	Message   string `placeholder:"TEXT" help:"What people are told, in one line."`
	Until     string `placeholder:"TIME" help:"When it is expected to end: a time such as 2026-03-31T08:00Z, or a duration from now such as 2h."`
}

// Help is shown with the flags.
func (maintenanceCommand) Help() string {
	return `Within a second every server answers 503 for the tenant, with a page that shows the message and the time, and with Retry-After. Requests under way are finished, for at most 30 seconds, and the command returns when none is left. Commands and the operator's API reach the tenant as before.

Maintenance ends with "off", not by itself when the time has come: until then clients are told to come back in a minute. With --all the exit status is 1 if any tenant could not be changed; run it again then. Tenants that are created meanwhile are served.

Examples:

    tenantry tenant maintenance acme on --message "We are moving to a larger machine." --until 2h
    tenantry tenant maintenance acme off
    tenantry tenant maintenance --all on --until 2026-03-31T08:00Z
    tenantry tenant maintenance --all off`
}

// Run closes tenants, or serves them again.
func (m *maintenanceCommand) Run(c *Call) error {
	if m.All {
		if m.Switch != "" {
			return fmt.Errorf("%w: --all is for all tenants; leave %q out", errUsage, m.Subdomain)
		}
		m.Subdomain, m.Switch = "", m.Subdomain
	}
	to, err := m.read()
	if err != nil {
		return err
	}
	return c.With(func(a *app.App) error {
		if m.All {
			return m.changeAll(c, a, to)
		}
		t, err := a.Manager().SetMaintenance(c.ctx, a.By(), m.Subdomain, to)
		switch {
		case err != nil:
			return tenantError(err, m.Subdomain)
		case c.out.json:
			return c.out.Document(document.TenantOf(t))
		case to.On:
			return c.out.Line("tenant %s is closed for maintenance; end it with: tenantry tenant maintenance %s off", t.Subdomain, t.Subdomain)
		}
		return c.out.Line("tenant %s is %s", t.Subdomain, t.State)
	})
}

func (m *maintenanceCommand) read() (lifecycle.Maintenance, error) {
	switch {
	case m.Switch != "on" && m.Switch != "off":
		return lifecycle.Maintenance{}, fmt.Errorf("%w: say on or off", errUsage)
	case m.Switch == "off" && (m.Message != "" || m.Until != ""):
		return lifecycle.Maintenance{}, fmt.Errorf("%w: --message and --until are for on", errUsage)
	case m.Switch == "off":
		return lifecycle.Maintenance{}, nil
	}
	to, err := lifecycle.ReadMaintenance(m.Message, m.Until, time.Now())
	var bad *lifecycle.BadMaintenanceError
	if errors.As(err, &bad) {
		return to, fmt.Errorf("%w: --%s", errUsage, bad)
	}
	return to, err
}

// changedTenants is what was done to several tenants, as JSON.
type changedTenants struct {
	Done   int               `json:"done"`
	Failed []unchangedTenant `json:"failed"`
}

type unchangedTenant struct {
	Subdomain string `json:"subdomain"`
	Error     string `json:"error"`
}

func (m *maintenanceCommand) changeAll(c *Call, a *app.App, to lifecycle.Maintenance) error {
	result := changedTenants{Failed: []unchangedTenant{}}
	err := a.Manager().MaintainAll(c.ctx, a.By(), to, func(t *tenants.Tenant, err error) {
		if err != nil {
			result.Failed = append(result.Failed, unchangedTenant{t.Subdomain, err.Error()})
			c.out.Hint("%v", err)
			return
		}
		result.Done++
	})
	switch {
	case c.out.json:
		err = errors.Join(err, c.out.Document(result))
	case to.On:
		err = errors.Join(err, c.out.Line("%s closed for maintenance; end it with: tenantry tenant maintenance --all off", text.Count(result.Done, "tenant")))
	default:
		err = errors.Join(err, c.out.Line("maintenance of %s has ended", text.Count(result.Done, "tenant")))
	}
	if n := len(result.Failed); n > 0 {
		err = errors.Join(err, fmt.Errorf("%s could not be changed; run the command again", text.Count(n, "tenant")))
	}
	return err
}
