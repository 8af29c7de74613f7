package command

import (
	"fmt"

	"tenantry/app"
)

type backupKeyCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain, or its id."`
}

// Help is shown with the flags.
func (*backupKeyCommand) Help() string {
	return `Writes the key with which the tenant's backups are encrypted, for a recovery with other tools: with it in a file, "age -d -i FILE OBJECT" decrypts an object of the storage to a file of Litestream's format. Who has the key can read each backup of the tenant: keep it where others can't read it, and remove it afterwards. The ledger records who asked for it.

Examples:

    tenantry backup key acme > acme.key`
}

// keysDocument is the JSON document of a tenant's keys.
type keysDocument struct {
	TenantID string   `json:"tenant_id"`
	Keys     []string `json:"keys"`
}

// Run shows the keys.
func (k *backupKeyCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, k.Subdomain)
		if err != nil {
			return err
		}
		keys, err := a.BackupKeys(c.ctx, t)
		if err != nil {
			return fmt.Errorf("tenant %q: %w", k.Subdomain, err)
		}
		if c.out.json {
			return c.out.Document(keysDocument{t.ID, keys})
		}
		for _, key := range keys {
			if err := c.out.Line("%s", key); err != nil {
				return err
			}
		}
		return nil
	})
}
