package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
)

type setCommand struct {
	Subdomain string   `arg:"" help:"The tenant's subdomain."`
	Values    []string `arg:"" name:"key=value" help:"A setting with its new value; KEY= gives it back its default."`
}

// Help is shown with the flags.
func (setCommand) Help() string {
	return `Settings are the application's: "tenantry tenant show" lists them with their values. A change is in force within a second. All values are set, or none if one is wrong.

Examples:

    tenantry tenant set acme time_zone=Europe/Berlin language=de
    tenantry tenant set acme plan=team
    tenantry tenant set acme colour=`
}

// Run changes the settings, and shows all.
func (r *setCommand) Run(c *Call) error {
	typed := map[string]string{}
	for _, pair := range r.Values {
		key, value, ok := strings.Cut(pair, "=")
		_, twice := typed[key]
		switch {
		case !ok || key == "":
			return fmt.Errorf("%w: %q is not a setting with a value: want KEY=VALUE, or KEY= for the default; \"tenantry tenant show %s\" lists the keys", errUsage, pair, r.Subdomain)
		case twice:
			return fmt.Errorf("%w: %s is set twice", errUsage, key)
		}
		typed[key] = value
	}
	return c.With(func(a *app.App) error {
		t, err := a.Manager().SetSettings(c.ctx, a.By(), r.Subdomain, a.Store().ReadSettings(typed))
		var bad *tenants.SettingsError
		switch {
		case errors.As(err, &bad):
			return fmt.Errorf("%w: %w", errUsage, bad)
		case err != nil:
			return tenantError(err, r.Subdomain)
		}
		return writeSettings(c.out, t, a.Store().Settings(t))
	})
}

// writeSettings writes the settings in force, and whose they are.
func writeSettings(out *Output, t *tenants.Tenant, all []tenants.Setting) error {
	if out.json {
		return out.Document(struct {
			document.Tenant
			Settings map[string]document.Setting `json:"settings"`
		}{document.TenantOf(t), document.SettingsOf(all)})
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.Key, s.Text(), settingFrom(s)})
	}
	return out.Rows([]string{"SETTING", "VALUE", "FROM"}, rows)
}

func settingFrom(s tenants.Setting) string {
	if s.Own {
		return "its own"
	}
	return "default"
}
