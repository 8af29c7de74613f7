package lifecycle

import (
	"context"

	"tenantry/tenants"
)

// SchemasOpen is the kind of findings about rights with which a tenant's scope could leave the tenant's schema, or hold up
// other tenants of the same database.
const SchemasOpen = "schemas-open"

// examineGaps looks for what doesn't keep the tenants of a database apart. It closes nothing, because only a superuser may.
func (d *doctor) examineGaps(ctx context.Context, name string, engine tenants.Engine) error {
	shared, ok := engine.(tenants.Separator)
	if !ok {
		return nil
	}
	gaps, err := shared.Gaps(ctx)
	for _, gap := range gaps {
		d.add(gapFinding(name, gap))
	}
	return err
}

func gapFinding(server string, gap tenants.Gap) Finding {
	return Finding{
		Kind: SchemasOpen, Subject: server, Detail: gap.Detail,
		Remedy: "have a superuser run this SQL in database " + gap.Database + ": " + gap.Remedy,
	}
}
