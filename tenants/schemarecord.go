package tenants

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants/migrate"
)

// SchemaRecord is what builds that know a schema version have declared about it, for older builds that don't: they serve
// tenants at that version only if the record says that they can. Each process writes the records of its build when it
// registers with the master, before it can migrate a tenant.
type SchemaRecord struct {
	Version int64 `gorm:"primaryKey;autoIncrement:false;not null"`
	// OlderCode is the oldest build, named by its last migration, whose code can serve a database at Version. If builds
	// differ, the strictest counts.
	OlderCode int64 `gorm:"not null;check:schema_records_older_code_check,older_code BETWEEN 1 AND version"`
}

// recordVersions records what a build declares.
func recordVersions(tx *gorm.DB, build migrate.Versions) error {
	var records []SchemaRecord
	for version, oldest := range build.OlderCode {
		records = append(records, SchemaRecord{version, oldest})
	}
	if len(records) == 0 {
		return nil
	}
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "version"}},
		DoUpdates: clause.AssignmentColumns([]string{"older_code"}),
		Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("excluded.older_code > schema_records.older_code")}},
	}).Create(&records).Error
}

// readOlderCode returns the oldest build that can serve a database at the version, or 0 if there is no record.
func readOlderCode(tx *gorm.DB, version int64) (int64, error) {
	var record SchemaRecord
	err := tx.Session(&gorm.Session{NewDB: true}).Take(&record, "version = ?", version).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	return record.OlderCode, err
}

// CheckServable returns a *VersionError if this build can't serve a database at that version on the server with that
// engine, or ErrUnavailable if the master doesn't say whether it can.
func (s *Store) CheckServable(ctx context.Context, engine Engine, version int64) error {
	build := engine.Versions()
	if version <= build.Newest {
		return CheckServable(version, build, 0)
	}
	err := s.master.View(ctx, func(tx *gorm.DB) error { return s.learn(tx, build, version) })
	if err != nil {
		return fmt.Errorf("look up schema version %d: %w: %w", version, ErrUnavailable, err)
	}
	return s.checkVersion(build, version)
}

// checkVersion is CheckServable with what this process has learned.
func (s *Store) checkVersion(build migrate.Versions, version int64) error {
	var oldest int64
	if version > build.Newest {
		if known, ok := s.olderCode.Load(version); ok {
			oldest = known.(int64)
		}
	}
	return CheckServable(version, build, oldest)
}

// learn reads what is recorded of a version that the build doesn't know.
func (s *Store) learn(tx *gorm.DB, build migrate.Versions, version int64) error {
	if version <= build.Newest {
		return nil
	}
	oldest, err := readOlderCode(tx, version)
	if err == nil {
		s.olderCode.Store(version, oldest)
	}
	return err
}

// learnOf is learn for a tenant whose row was read.
func (s *Store) learnOf(tx *gorm.DB, t *Tenant) error {
	engine := s.servers.known(t.Server)
	if engine == nil {
		return nil // opening a handle checks the database's version
	}
	return s.learn(tx, engine.Versions(), t.SchemaVersion)
}
