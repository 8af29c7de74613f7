package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Rows reads the tenant's database as the provisioner, in a REPEATABLE READ transaction. Its connection counts
// against the budget.
func (e *Engine) Rows(ctx context.Context, t *tenants.Tenant) (tenants.Snapshot, error) {
	name, err := databaseName(t)
	if err != nil {
		return nil, err
	}
	select {
	case e.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	release := func() { <-e.reading }
	r, err := e.snapshot(ctx, name, chores, release)
	if err != nil {
		release()
		return nil, err
	}
	return &snapshot{r, e, name}, nil
}

// ReadLast is Rows in the class of migrations, without Rows' limit.
func (e *Engine) ReadLast(ctx context.Context, t *tenants.Tenant) (tenants.RowReader, error) {
	name, err := databaseName(t)
	if err != nil {
		return nil, err
	}
	return e.snapshot(ctx, name, migrations, func() {})
}

func (e *Engine) snapshot(ctx context.Context, name string, of class, release func()) (*rowStream, error) {
	r, err := e.beginReading(ctx, name, of, release)
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", name, unavailable(err))
	}
	return r, nil
}

func (e *Engine) beginReading(ctx context.Context, name string, of class, release func()) (*rowStream, error) {
	db, err := e.connect(ctx, name, e.server, of, 1)
	if err != nil {
		return nil, err
	}
	s, err := beginSession(ctx, db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	r, err := streamRows(ctx, s, e.config.Schema, release)
	if err != nil {
		s.close()
		return nil, err
	}
	return r, nil
}

// Load fills a draft in one transaction, and gives it the tenant's name when it is complete, as Adopt does.
func (e *Engine) Load(ctx context.Context, t *tenants.Tenant, version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
	_, err := e.makeDatabase(ctx, t, "load", func(ctx context.Context, name string) error {
		return e.makeFromDraft(ctx, name, version, func(draft string) error { return e.loadDraft(ctx, draft, fill) })
	})
	return err
}

// loadDraft fills a migrated draft.
func (e *Engine) loadDraft(ctx context.Context, draft string, fill func(ctx context.Context, into tenants.RowWriter) error) error {
	into, err := openSession(ctx, e.layout.at(e.server, draft), &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer into.close()
	w, err := streamRows(ctx, into, e.config.Schema, func() {})
	if err != nil {
		return err
	}
	return w.replaceRows(ctx, fill)
}

// replaceRows has fill write rows in place of those that migrations have made, and commits.
func (r *rowStream) replaceRows(ctx context.Context, fill func(ctx context.Context, into tenants.RowWriter) error) error {
	for _, table := range r.tables {
		if _, err := r.tx.ExecContext(ctx, "DELETE FROM "+r.nameOf(table.Name)); err != nil {
			return err
		}
	}
	if err := r.aroundRows(ctx, func() error { return fill(ctx, r) }); err != nil {
		return err
	}
	if err := r.passKeys(ctx); err != nil {
		return err
	}
	return r.tx.Commit()
}

// makeFromDraft has fill fill a draft of a version, which then gets the name.
func (e *Engine) makeFromDraft(ctx context.Context, name string, version int64, fill func(draft string) error) (err error) {
	draft := e.adoptionName(name)
	release, err := e.layout.takeDraft(ctx, draft)
	if err != nil {
		return err
	}
	defer release()
	defer func() { err = errors.Join(err, e.removeDraft(ctx, draft)) }()
	if err := e.layout.createDraft(ctx, draft); err != nil {
		return err
	}
	if err := e.fillDraft(ctx, draft, migrate.UpTo(e.config.Schema.Migrations[Dialect], version)); err != nil {
		return err
	}
	if err := fill(draft); err != nil {
		return err
	}
	if err := e.layout.finish(ctx, draft, name); !isDuplicate(err) {
		return err
	}
	return nil
}
