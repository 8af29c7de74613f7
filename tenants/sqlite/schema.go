package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// madeSchema is a schema that the migrations make.
type madeSchema struct {
	shape.Shape
	definitions string // as definitionsQuery returns them
}

// definitionsQuery returns the statements that make everything in a schema, in one text. Databases in which
// that is the same have the same schema.
const definitionsQuery = `SELECT coalesce(group_concat(concat_ws(' ', type, name, tbl_name, sql), char(10) ORDER BY type, name), '')
	FROM sqlite_master WHERE tbl_name NOT IN ('goose_db_version', '` + identityTable + `') AND tbl_name NOT LIKE 'sqlite\_%' ESCAPE '\'`

// schemaAt returns the schema that the migrations up to a version make.
func schemaAt(ctx context.Context, schema tenants.Schema, version int64) (made madeSchema, err error) {
	memory := sql.OpenDB(connector{dsn: dsn(":memory:", "")})
	defer memory.Close()
	memory.SetMaxOpenConns(1)
	if _, err := migrate.Up(ctx, memory, Dialect, migrate.UpTo(schema.Migrations[Dialect], version)); err != nil {
		return made, err
	}
	if err := memory.QueryRowContext(ctx, definitionsQuery).Scan(&made.definitions); err != nil {
		return made, err
	}
	made.Shape, err = shape.Read(ctx, memory, Dialect)
	return made, err
}

// currentSchema returns the schema that all migrations make. It is made once.
func (e *Engine) currentSchema(ctx context.Context) (made madeSchema, err error) {
	e.currentMu.Lock()
	defer e.currentMu.Unlock()
	if e.current.Shape == nil {
		e.current, err = schemaAt(ctx, e.schema, e.version)
	}
	if err != nil {
		return made, fmt.Errorf("make the schema to compare with: %w", err)
	}
	return e.current, nil
}

// examineSchema compares the schema of a database at the last version with what the migrations make. It
// reads the whole schema, which takes milliseconds, only if the statements that made it differ.
func (e *Engine) examineSchema(ctx context.Context, db *sql.DB) ([]tenants.Fault, error) {
	want, err := e.currentSchema(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	var definitions string
	if err := db.QueryRowContext(ctx, definitionsQuery).Scan(&definitions); err != nil || definitions == want.definitions {
		return nil, err
	}
	got, err := shape.Read(ctx, db, Dialect, identityTable)
	if err != nil {
		return nil, err
	}
	if drift := got.Drift(want.Shape); drift != "" {
		return []tenants.Fault{tenants.FaultSchema.Found("%s", drift)}, nil
	}
	return nil, nil
}
