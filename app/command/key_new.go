package command

import (
	"tenantry/tenants/seal"
)

// keyCommand groups the commands for secret keys.
type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Print a fresh key for TENANTRY_SECRET_KEY."`
}

type newKeyCommand struct{}

// Help is shown with the flags.
func (newKeyCommand) Help() string {
	return `The key is stored nowhere. What it seals can't be opened without it: keep a copy apart from the database.

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
