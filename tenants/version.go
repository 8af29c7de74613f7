package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants/migrate"
)

// ErrSchemaVersion matches every *VersionError.
var ErrSchemaVersion = errors.New("schema version is not one that this build can serve")

// VersionError means that this build can't serve a database's schema version.
type VersionError struct {
	// Version is the database's version, Build the newest that this build knows.
	Version, Build int64
}

// Error returns both versions and what to do.
func (e *VersionError) Error() string {
	if e.Version > e.Build {
		return fmt.Sprintf("the database is at schema version %d and this build knows no more than %d; run the newer build", e.Version, e.Build)
	}
	return fmt.Sprintf("the database is at schema version %d and this build serves %d; migrate it first", e.Version, e.Build)
}

// Unwrap returns ErrSchemaVersion.
func (e *VersionError) Unwrap() error { return ErrSchemaVersion }

// CheckServable returns a *VersionError if a build whose last migration is build can't serve a
// database at that version. It is the only place where that is decided.
func CheckServable(version, build int64) error {
	if version != build {
		return &VersionError{version, build}
	}
	return nil
}

// ExpectMaster returns ErrNoMaster if no build has migrated the database.
func ExpectMaster(ctx context.Context, db *sql.DB, dialect string) error {
	version, err := migrate.Version(ctx, db, dialect, MasterSchema().Migrations[dialect])
	if err == nil && version == 0 {
		err = ErrNoMaster
	}
	return err
}

// MigrateMaster brings the master database to the version of this build. Returns a *VersionError if a
// newer build has migrated it.
func MigrateMaster(ctx context.Context, db *sql.DB, dialect string) error {
	migrations := MasterSchema().Migrations[dialect]
	build, err := migrate.Latest(migrations)
	if err != nil {
		return err
	}
	version, err := migrate.Version(ctx, db, dialect, migrations)
	if err == nil && version <= build {
		version, err = migrate.Up(ctx, db, dialect, migrations)
	}
	if err != nil {
		return err
	}
	return CheckServable(version, build)
}
