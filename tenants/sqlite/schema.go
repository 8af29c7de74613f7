package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// schemaAt returns the schema that the migrations up to a version make.
func (e *Engine) schemaAt(ctx context.Context, version int64) (shape.Shape, error) {
	memory := sql.OpenDB(connector{dsn: dsn(":memory:", "")})
	defer memory.Close()
	memory.SetMaxOpenConns(1)
	if _, err := migrate.Up(ctx, memory, Dialect, migrate.UpTo(e.schema.Migrations[Dialect], version)); err != nil {
		return nil, err
	}
	return shape.Read(ctx, memory, Dialect)
}

// currentSchema returns the schema that all migrations make. It is made once.
func (e *Engine) currentSchema(ctx context.Context) (shape.Shape, error) {
	e.currentMu.Lock()
	defer e.currentMu.Unlock()
	if e.current != nil {
		return e.current, nil
	}
	made, err := e.schemaAt(ctx, e.version)
	if err != nil {
		return nil, fmt.Errorf("make the schema to compare with: %w", err)
	}
	e.current = made
	return made, nil
}

// examineSchema compares the schema of a database at the last version with what the migrations make.
func (e *Engine) examineSchema(ctx context.Context, db *sql.DB) ([]tenants.Fault, error) {
	want, err := e.currentSchema(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	got, err := shape.Read(ctx, db, Dialect, identityTable)
	if err != nil {
		return nil, err
	}
	if drift := got.Drift(want); drift != "" {
		return []tenants.Fault{tenants.FaultSchema.Found("%s", drift)}, nil
	}
	return nil, nil
}
