package lifecycle

import (
	"context"
	"slices"
	"strings"

	"tenantry/tenants"
)

// DatabaseOpen is the kind of findings about databases that belong to no tenant and that
// tenants' roles may connect to. Anyone with a tenant's stolen password can open them.
const DatabaseOpen = "database-open"

// examineExposed looks for open databases twice, because a database is open while it is being
// created. It closes none, because other programs may need them open.
func (d *doctor) examineExposed(ctx context.Context, engine tenants.Engine) error {
	server, ok := engine.(tenants.Exposer)
	if !ok {
		return nil
	}
	first, err := server.Exposed(ctx)
	if err != nil || len(first) == 0 {
		return err
	}
	second, err := server.Exposed(ctx)
	if err != nil {
		return err
	}
	for _, open := range second {
		if slices.ContainsFunc(first, func(e tenants.Exposure) bool { return e.Database == open.Database }) {
			d.add(Finding{
				Kind: DatabaseOpen, Subject: open.Database,
				Detail: "tenants' roles can connect to it through " + strings.Join(open.Roles, ", "),
				Remedy: "grant CONNECT to the roles that need it, then run this SQL as the owner of the database: " + strings.TrimSpace(open.Remedy),
			})
		}
	}
	return nil
}
