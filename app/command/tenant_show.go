package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type showCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (showCommand) Help() string {
	return `Examples:

    tenantry tenant show acme
    tenantry tenant show acme --json`
}

// Run shows the tenant.
func (s *showCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, s.Subdomain)
		if err != nil {
			return err
		}
		story, err := c.story(a, t)
		if err != nil {
			return err
		}
		retired, err := a.Manager().Retired(c.ctx, t.ID)
		if err != nil {
			return err
		}
		proof, err := a.Manager().Proof(c.ctx, t.ID)
		if err != nil {
			return err
		}
		at, err := a.BackedUpAt(c.ctx, t)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(shown{document.TenantOf(t), document.SettingsOf(a.Store().Settings(t)), story, retired, document.BackupsOf(at, proof)})
		}
		return errors.Join(writeTenant(c.out, a, t, retired, document.BackupsOf(at, proof)), c.out.Line(""), writeStory(c.out, story))
	})
}

// shown is a tenant with its operations, and the subdomains that it has given up,
// as JSON.
type shown struct {
	document.Tenant
	Settings   map[string]document.Setting `json:"settings"`
	Operations []document.Operation        `json:"operations"`
	Retired    []lifecycle.Retired         `json:"retired_subdomains"`
	document.Backups
}

// maxStory is the largest number of a tenant's operations to show, the latest ones.
const maxStory = 100

// story returns the operations on a tenant in order.
func (c *Call) story(a *app.App, t *tenants.Tenant) ([]document.Operation, error) {
	page, _, err := a.Manager().Operations(c.ctx, lifecycle.OperationFilter{TenantID: t.ID}, "", maxStory)
	if err != nil {
		return nil, err
	}
	slices.Reverse(page)
	return document.Operations(page, "").Items, nil
}

func writeTenant(out *Output, a *app.App, t *tenants.Tenant, retired []lifecycle.Retired, backups document.Backups) error {
	d := document.TenantOf(t)
	rows := [][]string{
		{"subdomain", d.Subdomain},
		{"name", d.Name},
		{"state", string(d.State)},
		{"domains", strings.Join(d.Domains, " ")},
		{"id", d.ID},
		{"server", d.Server},
		{"database", d.Database},
		{"schema_version", fmt.Sprint(d.SchemaVersion)},
		{"created_at", d.CreatedAt.Format(time.RFC3339)},
	}
	if t.State != tenants.StatePurged {
		rows = append(rows, []string{"url", a.TenantURL(t.Address())})
	}
	if m := d.Maintenance; m != nil {
		rows = append(rows, []string{"maintenance_since", m.Since.Format(time.RFC3339)}, []string{"maintenance_message", m.Message})
		if m.Until != nil {
			rows = append(rows, []string{"maintenance_until", m.Until.Format(time.RFC3339)})
		}
	}
	if d.RemoveAfter != nil {
		rows = append(rows, []string{"remove_after", d.RemoveAfter.Format(time.RFC3339)})
	}
	if backups.BackedUpAt != nil {
		rows = append(rows, []string{"backed_up_at", backups.BackedUpAt.Format(time.RFC3339)})
	}
	proof := backups.Proof
	if proof != nil && proof.ProvenAt != nil {
		rows = append(rows, []string{"backup_proven_at", proof.ProvenAt.Format(time.RFC3339)})
	}
	if proof != nil && proof.Error != "" {
		rows = append(rows, []string{"backup_error", proof.Error})
	}
	for _, s := range a.Store().Settings(t) {
		rows = append(rows, []string{s.Key, s.Text()})
	}
	for _, r := range retired {
		rows = append(rows, retiredRow(r))
	}
	return out.Rows([]string{"FIELD", "VALUE"}, rows)
}

func writeStory(out *Output, story []document.Operation) error {
	var rows [][]string
	for _, o := range story {
		state := string(o.State)
		if o.Step != "" {
			state += " at " + o.Step
		}
		rows = append(rows, []string{o.StartedAt.Format(time.RFC3339), string(o.Kind), subjectOf(o), state, o.By, o.Error})
	}
	return out.Rows([]string{"BEGUN", "OPERATION", "SUBDOMAIN", "STATE", "BY", "ERROR"}, rows)
}

// subjectOf returns the subdomain of an operation's tenant, or the operator whose account was changed.
func subjectOf(o document.Operation) string {
	var params struct{ Operator string }
	if o.TenantID == "" && json.Unmarshal(o.Params, &params) == nil && params.Operator != "" {
		return "operator " + params.Operator
	}
	return o.Subdomain
}
