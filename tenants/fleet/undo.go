package fleet

import (
	"context"
	"slices"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/trial"
)

// Undo is what undoing migrations of a tenant would do.
type Undo struct {
	Subdomain string `json:"subdomain"`
	From      int64  `json:"from_version"`
	To        int64  `json:"to_version"`
	// Served reports whether this build serves the tenant at the older version.
	Served bool `json:"served"`
	// Migrations are those that are undone, the last one first, with what their Down loses.
	Migrations []trial.Migration `json:"migrations"`
}

// Dangers returns the number of findings because of which the migrations must not be undone.
func (u *Undo) Dangers() (n int) {
	for _, m := range u.Migrations {
		n += countDangers(m.Findings)
	}
	return n
}

// ForecastDown tries on an empty database what undoing the migrations of a tenant after the version to does. If to is nil,
// it is the version before the tenant's. It opens no tenant's database. Returns a *migrate.NoDownError if a migration can't
// be undone, a *RunningError if a migration run is under way, and a *tenants.VersionError if the tenant is ahead of this
// build.
func (f *Fleet) ForecastDown(ctx context.Context, name string, to *int64) (*Undo, error) {
	if err := f.checkIdle(ctx); err != nil {
		return nil, err
	}
	t, err := f.manager.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	engine, err := f.rehearser(t.Server)
	if err != nil {
		return nil, err
	}
	build, migrations := engine.Versions(), f.manager.Migrations(engine.Dialect())
	if t.SchemaVersion > build.Newest {
		return nil, &tenants.VersionError{Version: t.SchemaVersion, From: build.From, Build: build.Newest}
	}
	undo := &Undo{Subdomain: t.Subdomain, From: t.SchemaVersion}
	if to != nil {
		undo.To = *to
	} else if undo.To, err = migrate.Previous(migrations, t.SchemaVersion); err != nil {
		return nil, err
	}
	if err := migrate.CheckDown(migrations, undo.From, undo.To); err != nil {
		return nil, err
	}
	undo.Served = tenants.CheckServable(undo.To, build, 0) == nil
	report, err := engine.RehearseSchema(ctx, undo.To)
	if err != nil {
		return nil, err
	}
	undo.Migrations = undone(report, undo.From)
	return undo, nil
}

// undone returns the migrations up to a version, the last one first, with what was found about their Down alone.
func undone(report *trial.Report, from int64) []trial.Migration {
	all := []trial.Migration{}
	for _, m := range slices.Backward(report.Migrations) {
		if m.Version > from {
			continue
		}
		m.Statements = []trial.Statement{}
		m.Findings = slices.DeleteFunc(slices.Clone(m.Findings), func(f trial.Finding) bool { return f.Kind != trial.Irreversible })
		all = append(all, m)
	}
	return all
}
