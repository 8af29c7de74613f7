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
	// Version is the database's version. From and Build are the oldest that this build serves and the newest that it knows.
	Version, From, Build int64
}

// IsBehind reports whether the database is older than what this build serves, so that migrating it helps.
func (e *VersionError) IsBehind() bool { return e.Version < e.From }

// Error returns both versions and what to do.
func (e *VersionError) Error() string {
	if e.Version > e.Build {
		return fmt.Sprintf("the database is at schema version %d and this build knows no more than %d; run the newer build", e.Version, e.Build)
	}
	if e.From < e.Build {
		return fmt.Sprintf("the database is at schema version %d and this build serves %d to %d; migrate it first", e.Version, e.From, e.Build)
	}
	return fmt.Sprintf("the database is at schema version %d and this build serves %d; migrate it first", e.Version, e.Build)
}

// Unwrap returns ErrSchemaVersion.
func (e *VersionError) Unwrap() error { return ErrSchemaVersion }

// CheckServable returns a *VersionError if the build can't serve a database at that version. olderCode is what a newer
// build has recorded in the master: the oldest build that can live with the version; 0 if there is no record. It is
// the only place where that is decided.
func CheckServable(version int64, build migrate.Versions, olderCode int64) error {
	isKnown := version >= build.From && version <= build.Newest
	isRecorded := version > build.Newest && olderCode > 0 && olderCode <= build.Newest
	if isKnown || isRecorded {
		return nil
	}
	return &VersionError{version, build.From, build.Newest}
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
	return CheckServable(version, migrate.Versions{Newest: build, From: build}, 0)
}
