package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
)

// Adopt copies the source into a temporary file, checks and stamps the copy, and gives it the tenant's
// name in the way Create does.
func (e *Engine) Adopt(ctx context.Context, t *tenants.Tenant, source string) (version int64, err error) {
	err = e.makeFile(ctx, t, "adopt", func(temporary string) error {
		path, err := sourcePath(source)
		if err != nil {
			return err
		}
		if err := copySource(ctx, path, e.files.path(temporary)); err != nil {
			return err
		}
		return e.checkAndStamp(ctx, e.files.path(temporary), t.ID)
	})
	if err != nil {
		return 0, err
	}
	return e.versionOf(ctx, t)
}

// CheckSource returns why the database of a sqlite:PATH can't be adopted, as far as its schema tells. It only reads.
func CheckSource(ctx context.Context, schema tenants.Schema, source string) (err error) {
	path, err := sourcePath(source)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=ro&_query_only=1")})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err = checkSchema(ctx, db, schema, identityTable); resultCode(err) != 0 {
		err = sourceError(ctx, path, err)
	}
	return err
}

// CheckFile returns nil if a file is a whole database of the tenant, whose schema is that of its version and whose rows
// violate no constraint. Errors are those of Adopt, and ErrUnavailable if it is another tenant's. It doesn't change the
// file; nothing else may use it.
func (e *Engine) CheckFile(ctx context.Context, t *tenants.Tenant, path string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_query_only=1"), verify: ownedBy(t)})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := checkSchema(ctx, db, e.schema, identityTable); err != nil {
		return err
	}
	return checkRows(ctx, db)
}

// PlaceFile makes a file the tenant's database, if CheckFile returns nil for it and the tenant has none. The file must be
// in a folder of the same file system as the engine's, and is another name of the database afterwards.
func (e *Engine) PlaceFile(ctx context.Context, t *tenants.Tenant, path string) error {
	name, err := fileName(t)
	if err == nil {
		err = e.checkNotTrashed(t)
	}
	if err == nil {
		err = e.checkNoSidecars(name)
	}
	if err == nil {
		err = e.CheckFile(ctx, t, path)
	}
	if err == nil {
		err = fileError(os.Link(path, e.files.path(name)))
	}
	if err != nil {
		return fmt.Errorf("place %s: %w", name, err)
	}
	return e.files.sync(tenantsDir)
}

// checkAndStamp checks a copy and stamps it as the tenant's, whoever it belonged to.
func (e *Engine) checkAndStamp(ctx context.Context, path, id string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_txlock=immediate&_foreign_keys=0")})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := checkSchema(ctx, db, e.schema, identityTable); err != nil {
		return err
	}
	if err := checkRows(ctx, db); err != nil {
		return err
	}
	if err := migrate.PrepareVersions(ctx, db, Dialect); err != nil {
		return err
	}
	return stamp(ctx, db, id)
}

// checkSchema returns a *tenants.SchemaError if the database's schema differs from what the migrations
// up to its version make, beside the tables named in without.
func checkSchema(ctx context.Context, db *sql.DB, schema tenants.Schema, without ...string) error {
	migrations := schema.Migrations[Dialect]
	last, err := migrate.Latest(migrations)
	if err != nil {
		return err
	}
	version, err := migrate.Version(ctx, db, Dialect, migrations)
	if err == nil {
		err = tenants.CheckVersion(version, last)
	}
	if err != nil {
		return err
	}
	got, err := shape.Read(ctx, db, Dialect, without...)
	if err != nil {
		return err
	}
	want, err := schemaAt(ctx, schema, version)
	if err != nil {
		return err
	}
	return tenants.CheckDifferences(got.Differences(want.Shape, "the source", "the migrations"))
}

// checkRows returns a *tenants.SourceError if rows violate the schema's constraints. SQLite checks
// foreign keys only if the program that wrote the rows asked for it.
func checkRows(ctx context.Context, db *sql.DB) error {
	var finding string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&finding); err != nil {
		return err
	}
	if finding != "ok" {
		return &tenants.SourceError{Reason: "it is damaged, or its rows violate its constraints: " + finding}
	}
	return checkForeignKeys(ctx, db)
}

func checkForeignKeys(ctx context.Context, db *sql.DB) error {
	var table, parent string
	err := db.QueryRowContext(ctx, `SELECT "table", "parent" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table, &parent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &tenants.SourceError{Reason: fmt.Sprintf("table %s has rows whose %s are missing", table, parent)}
}

// stamp marks a database as the tenant's, and puts everything into the file itself, leaving nothing in
// the -wal.
func stamp(ctx context.Context, db *sql.DB, id string) error {
	for _, statement := range []string{
		"PRAGMA journal_mode=WAL",
		fmt.Sprintf("PRAGMA application_id=%d", applicationID),
		"DROP TABLE IF EXISTS " + identityTable,
		"CREATE TABLE " + identityTable + " (tenant_id TEXT NOT NULL)",
		fmt.Sprintf("INSERT INTO %s VALUES ('%s')", identityTable, id),
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// versionOf returns the schema version of the tenant's database.
func (e *Engine) versionOf(ctx context.Context, t *tenants.Tenant) (version int64, err error) {
	path, err := e.existingPath(t)
	if err != nil {
		return 0, err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=ro&_query_only=1"), guarded: true, verify: ownedBy(t)})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	version, err = migrate.Version(ctx, db, Dialect, e.schema.Migrations[Dialect])
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", t.Database, unavailable(err))
	}
	return version, nil
}
