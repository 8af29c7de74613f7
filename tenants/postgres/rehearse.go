package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/trial"
)

var _ tenants.Rehearser = (*Engine)(nil)

// scratchPrefix begins the names of the databases on which migrations are tried. A ULID follows, which says when the
// rehearsal began.
func (e *Engine) scratchPrefix() string {
	return e.config.Prefix + "_trial_" + shortHash(e.server.Database) + "_"
}

func (e *Engine) scratchName() string {
	return e.scratchPrefix() + strings.ToLower(ulid.Make().String())
}

// scratchAge returns how long ago a rehearsal began, or 0 if the name doesn't say.
func scratchAge(name string) time.Duration {
	id, err := ulid.ParseStrict(strings.ToUpper(name[strings.LastIndex(name, "_")+1:]))
	if err != nil {
		return 0
	}
	return max(1, time.Since(ulid.Time(id.Time())))
}

// RehearseSchema tries the migrations in an empty database, over one connection that doesn't count against a budget.
func (e *Engine) RehearseSchema(ctx context.Context, version int64) (report *trial.Report, err error) {
	err = e.inScratch(ctx, func(scratch string) error {
		report, err = e.try(ctx, scratch, version, true)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rehearse migrations: %w", asProvisioner(err))
	}
	return report, nil
}

// RehearseData tries the migrations on a copy of the tenant's rows. It copies one database at a time, over one
// connection to each of the two; these don't count against a budget. It doesn't know how much room the server has.
func (e *Engine) RehearseData(ctx context.Context, t *tenants.Tenant) (report *trial.Report, err error) {
	name, err := databaseName(t)
	if err != nil {
		return nil, err
	}
	select {
	case e.adopting <- struct{}{}:
		defer func() { <-e.adopting }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	err = e.inScratch(ctx, func(scratch string) error {
		begin := time.Now()
		version, err := e.copyTenant(ctx, name, scratch)
		if err != nil {
			return err
		}
		copied := time.Since(begin)
		if report, err = e.try(ctx, scratch, version, false); err != nil {
			return err
		}
		report.CopySeconds = copied.Seconds()
		if report.Error == "" {
			report.Error, err = e.findFault(ctx, scratch)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rehearse migrations of %s: %w", name, asProvisioner(err))
	}
	return report, nil
}

// inScratch calls do with the name of an empty database, and drops it.
func (e *Engine) inScratch(ctx context.Context, do func(scratch string) error) (err error) {
	scratch := e.scratchName()
	defer func() { err = errors.Join(err, e.removeDraft(ctx, scratch)) }()
	if err := e.layout.createDraft(ctx, scratch); err != nil {
		return err
	}
	return do(scratch)
}

// try applies the migrations after a version to a scratch database.
func (e *Engine) try(ctx context.Context, scratch string, version int64, down bool) (*trial.Report, error) {
	return trial.Run(ctx, e.layout.at(e.server, scratch), trial.Options{
		Dialect: Dialect, Migrations: e.config.Schema.Migrations[Dialect], From: version, Down: down,
	})
}

// copyTenant copies the rows of a tenant's database, as they are at one moment, and returns their schema version. The
// copy has the schema that the migrations make; nothing is copied if the tenant's differs.
func (e *Engine) copyTenant(ctx context.Context, name, scratch string) (version int64, err error) {
	from, err := openSession(ctx, e.layout.at(e.server, name), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return 0, unavailable(err)
	}
	defer from.close()
	version, err = migrate.Version(ctx, from.tx, Dialect, e.config.Schema.Migrations[Dialect])
	if err == nil {
		err = tenants.CheckVersion(version, e.version)
	}
	if err == nil {
		err = e.fillDraft(ctx, scratch, migrate.UpTo(e.config.Schema.Migrations[Dialect], version))
	}
	if err == nil {
		err = e.copyInto(ctx, scratch, from)
	}
	return version, err
}

// findFault returns what is wrong with a migrated copy, or "".
func (e *Engine) findFault(ctx context.Context, scratch string) (fault string, err error) {
	want, err := e.template.schema(ctx)
	if err != nil {
		return "", err
	}
	got, err := e.readDraft(ctx, scratch)
	if err != nil {
		return "", err
	}
	if drift := got.Drift(want); drift != "" {
		return "after the migrations " + drift, nil
	}
	return "", nil
}
