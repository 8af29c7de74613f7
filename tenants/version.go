package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants/migrate"
)

// ErrSchemaVersion is matched by every *VersionError.
var ErrSchemaVersion = errors.New("schema version is not one that this build can serve")

// VersionError: a database is at a schema version that this build can't serve.
type VersionError struct {
	// Version is the database's, Build the newest that this build knows.
	Version, Build int64
}

// Error names both versions, and says what to do.
func (e *VersionError) Error() string {
	if e.Version > e.Build {
		return fmt.Sprintf("the database is at schema version %d and this build knows no more than %d; run the newer build", e.Version, e.Build)
	}
	return fmt.Sprintf("the database is at schema version %d and this build serves %d; run tenantry migrate up", e.Version, e.Build)
}

// Unwrap is ErrSchemaVersion.
func (e *VersionError) Unwrap() error { return ErrSchemaVersion }

// CheckServable returns a *VersionError unless a build whose last migration is
// build can serve a database at the version. Nothing else decides that.
func CheckServable(version, build int64) error {
	if version != build {
		return &VersionError{version, build}
	}
	return nil
}

// ExpectMaster returns ErrNoMaster for a database that no build has migrated.
func ExpectMaster(ctx context.Context, db *sql.DB, dialect string) error {
	version, err := migrate.Version(ctx, db, dialect, MasterSchema().Migrations[dialect])
	if err == nil && version == 0 {
		err = ErrNoMaster
	}
	return err
}

// MigrateMaster brings the master database to the version of this build. One
// that a newer build has migrated is a *VersionError.
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
