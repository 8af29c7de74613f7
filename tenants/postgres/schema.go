package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
	"tenantry/tenants/shape"
)

// schema returns the schema that the migrations make on this server. Each process makes
// it once, in a draft that it drops again, because the template accepts no connections.
func (t *template) schema(ctx context.Context) (shape.Shape, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { t.turn <- struct{}{} }()
	if t.shape != nil {
		return t.shape, nil
	}
	made, err := t.readSchema(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the schema to compare with: %w", asProvisioner(err))
	}
	t.shape = made
	return made, nil
}

// readSchema makes the draft, reads its schema and drops it, one process at a time. A draft that a process
// left behind when it died is dropped first; Survey lists it, too.
func (t *template) readSchema(ctx context.Context) (made shape.Shape, err error) {
	e := t.engine
	release, err := t.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	draft := t.schemaDraft()
	if err := e.layout.remove(ctx, draft); err != nil {
		return nil, err
	}
	made, err = e.schemaOfDraft(ctx, draft)
	if err == nil {
		err = e.layout.remove(ctx, draft)
	}
	if err != nil {
		return nil, errors.Join(err, e.removeDraft(ctx, draft))
	}
	return made, nil
}

// schemaOfDraft makes a draft and reads its schema.
func (e *Engine) schemaOfDraft(ctx context.Context, draft string) (shape.Shape, error) {
	if err := e.layout.createDraft(ctx, draft); err != nil {
		return nil, err
	}
	if err := e.fillDraft(ctx, draft, e.config.Schema.Migrations[Dialect]); err != nil {
		return nil, err
	}
	return e.readDraft(ctx, draft)
}

// schemaDraft returns the name of the draft, which is as long as that of the template's.
func (t *template) schemaDraft() string {
	return t.engine.templatePrefix() + shortHash(t.engine.server.Database) + "_" + shortHash(t.name+" schema") + draftSuffix
}

// readDraft reads a draft's schema with the settings with which a tenant's is read. Some of them change how
// the server prints expressions.
func (e *Engine) readDraft(ctx context.Context, draft string) (made shape.Shape, err error) {
	server := e.server.Copy()
	pin(server.RuntimeParams, e.pins)
	db := sql.OpenDB(e.layout.at(server, draft))
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	return shape.Read(ctx, db, Dialect)
}

// examineSchema compares the schema of a database at the last version with what the migrations make.
func (e *Engine) examineSchema(ctx context.Context, db *sql.DB) ([]tenants.Fault, error) {
	want, err := e.template.schema(ctx)
	if err != nil {
		return nil, err
	}
	got, err := shape.Read(ctx, db, Dialect)
	if err != nil {
		return refused(ctx, err)
	}
	drift := got.Drift(want)
	if drift != "" {
		if drift, err = driftBesideExtensions(ctx, db, got, want); err != nil {
			return refused(ctx, err)
		}
	}
	if drift != "" {
		return []tenants.Fault{tenants.FaultSchema.Found("%s", drift)}, nil
	}
	return nil, nil
}

// extensionMembers lists what belongs to extensions, as shape names it, and the schemas in which they are. A view
// is a relation of kind v, but its columns are those of a table.
const extensionMembers = `
	SELECT unnest(CASE classid
		WHEN 'pg_proc'::regclass THEN ARRAY['function ' || objid::regprocedure]
		WHEN 'pg_type'::regclass THEN ARRAY['type ' || objid::regtype, 'relation of kind c ' || objid::regtype]
		ELSE ARRAY['table ' || relname, 'sequence ' || relname, 'relation of kind ' || relkind::text || ' ' || relname] END)
	FROM pg_depend LEFT JOIN pg_class ON classid = 'pg_class'::regclass AND pg_class.oid = objid AND relnamespace = current_schema()::regnamespace
	WHERE deptype = 'e' AND (classid IN ('pg_proc'::regclass, 'pg_type'::regclass) OR relname IS NOT NULL)
	UNION ALL
	SELECT 'schema ' || nspname FROM pg_namespace
	WHERE oid IN (SELECT extnamespace FROM pg_extension)
	      OR oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND deptype = 'e')`

// driftBesideExtensions describes what differs apart from what extensions brought. An operator may add one to a
// tenant's database, and servers have different versions of them.
func driftBesideExtensions(ctx context.Context, db *sql.DB, got, want shape.Shape) (string, error) {
	rows, err := db.QueryContext(ctx, extensionMembers)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var member string
		if err := rows.Scan(&member); err != nil {
			return "", err
		}
		got, want = got.Without(member), want.Without(member)
	}
	return got.Drift(want), rows.Err()
}
