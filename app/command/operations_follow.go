package command

import (
	"errors"
	"fmt"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// follow writes the operations that change, until the command is interrupted: with --json, one document a line.
func (o *operationsCommand) follow(c *Call, m *lifecycle.Manager) error {
	for _, other := range []string{o.Tenant, o.Kind, o.State, o.DoneBy, o.Since, o.Until} {
		if other != "" || o.Unfinished {
			return fmt.Errorf("%w: --follow can be combined with --after only", errUsage)
		}
	}
	changes, err := m.NewFeed(0).Follow(c.ctx)
	if err != nil {
		return err
	}
	if o.After != "" {
		if err := o.writeSince(c, m); err != nil {
			return err
		}
	}
	for changed := range changes {
		if err := writeChanges(c.out, changed); err != nil {
			return err
		}
	}
	if c.ctx.Err() == nil {
		return errors.New("the ledger changed faster than it could be written; follow it again with --after")
	}
	return nil
}

// writeSince writes the operations that began after --after, the oldest first.
func (o *operationsCommand) writeSince(c *Call, m *lifecycle.Manager) error {
	for after := o.After; ; {
		page, err := m.OperationsSince(c.ctx, after, o.Limit)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := writeChanges(c.out, page); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// writeChanges writes operations, and the header only once.
func writeChanges(out *Output, page []tenants.Operation) error {
	documents := document.Operations(page, "").Items
	if !out.json {
		err := writeStory(out, documents)
		out.noHeader = true
		return err
	}
	for _, o := range documents {
		if err := out.Document(o); err != nil {
			return err
		}
	}
	return nil
}
