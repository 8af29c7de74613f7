package command

import (
	"tenantry/tenants/seal"
)

// keyCommand groups the commands for secret keys.
type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Print a new key for TENANTRY_SECRET_KEY."`
}

type newKeyCommand struct{}

// Help is shown with the flags.
func (newKeyCommand) Help() string {
	return `The key is not stored. Sealed credentials can't be opened without it, so keep a copy, separate from the database.

Examples:

    export TENANTRY_SECRET_KEY="$(tenantry key new)"
    tenantry key new --json`
}

// Run prints a key. It needs no settings and opens nothing.
func (newKeyCommand) Run(c *Call) error {
	key := seal.GenerateKey()
	if c.out.json {
		return c.out.Document(map[string]string{"key": key})
	}
	return c.out.Line("%s", key)
}
