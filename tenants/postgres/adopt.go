package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// Adopt copies the rows of the source into a draft: a database with a temporary name, which the
// migrations bring to the source's version, and which gets the tenant's name when it is complete. Both
// have the same tables by then, so nothing is left out, and the copy has the same owner and permissions
// as every other database.

// adoptionPrefix begins the names of unfinished adoptions. The installation's hash and the tenant's id
// follow.
func (e *Engine) adoptionPrefix() string { return e.config.Prefix + "_adopt_" }

// adoptionName returns the name of the tenant's database until its adoption is complete.
func (e *Engine) adoptionName(name string) string {
	return e.adoptionPrefix() + shortHash(e.server.Database) + "_" + strings.TrimPrefix(name, "t_")
}

// Adopt copies the rows of the source, which may be on another server, and grants the tenant's role
// access as Create does. It copies one database at a time, over one connection to each server; these
// don't count against a budget.
func (e *Engine) Adopt(ctx context.Context, t *tenants.Tenant, source string) (version int64, err error) {
	name, err := e.makeDatabase(ctx, t, "adopt", func(ctx context.Context, name string) error { return e.adopt(ctx, name, source) })
	if err != nil {
		return 0, err
	}
	return e.versionOf(ctx, name)
}

// makeDatabase makes the tenant's database, unless it exists, and grants the tenant's role access. make makes the database,
// closed to connections; calls of make don't overlap. what is the verb for errors.
func (e *Engine) makeDatabase(ctx context.Context, t *tenants.Tenant, what string, make func(ctx context.Context, name string) error) (name string, err error) {
	if name, err = databaseName(t); err != nil {
		return "", err
	}
	err = e.checkNotTrashed(ctx, name)
	var there bool
	if err == nil {
		there, _, err = e.layout.find(ctx, name, name)
	}
	if err == nil && !there {
		err = e.oneByOne(ctx, func() error { return make(ctx, name) })
	}
	if err == nil {
		err = e.grantAccess(ctx, t)
	}
	if err != nil {
		return "", fmt.Errorf("%s database %s: %w", what, name, inUse(err))
	}
	return name, nil
}

// oneByOne calls f once no other database is being adopted or loaded.
func (e *Engine) oneByOne(ctx context.Context, f func() error) error {
	select {
	case e.adopting <- struct{}{}:
		defer func() { <-e.adopting }()
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// adopt makes the database, closed to connections.
func (e *Engine) adopt(ctx context.Context, name, url string) error {
	from, version, err := e.openSource(ctx, url)
	if err != nil {
		return err
	}
	defer from.close()
	return e.makeFromDraft(ctx, name, version, func(draft string) error { return e.copyInto(ctx, draft, from) })
}

// removeTimeout limits cleaning up after the caller's context has ended.
const removeTimeout = 10 * time.Second

// removeDraft removes what is left of a failed adoption, even if ctx has ended.
func (e *Engine) removeDraft(ctx context.Context, draft string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	return e.layout.remove(ctx, draft)
}

// copyInto copies the source's rows into a draft with the same schema, in one transaction.
func (e *Engine) copyInto(ctx context.Context, draft string, from *session) (err error) {
	into, err := openSession(ctx, e.layout.at(e.server, draft), &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer into.close()
	if err := sameSchema(ctx, from, into); err != nil {
		return err
	}
	if err := copyRows(ctx, from, into); err != nil {
		return err
	}
	return into.tx.Commit()
}

// sameSchema returns a *tenants.SchemaError if the source's schema differs from the draft's, which the
// migrations made.
func sameSchema(ctx context.Context, from, into *session) error {
	got, err := shape.Read(ctx, from.tx, Dialect)
	if err != nil {
		return sourceError(ctx, err)
	}
	want, err := shape.Read(ctx, into.tx, Dialect)
	if err != nil {
		return err
	}
	return tenants.CheckDifferences(got.Differences(want, "the source", "the migrations"))
}

// versionOf returns the schema version of a tenant's database.
func (e *Engine) versionOf(ctx context.Context, name string) (version int64, err error) {
	db, err := e.connect(ctx, name, e.server, chores, 1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	version, err = migrate.Version(ctx, db, Dialect, e.config.Schema.Migrations[Dialect])
	return version, translate(err)
}
