package fleet

import (
	"errors"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/migrate"
)

// Advice says what to do before the tenant's migration is tried again. It is empty if that is enough.
func (f Failure) Advice() string {
	is := func(causes ...error) bool {
		for _, cause := range causes {
			if errors.Is(f.Err, cause) {
				return true
			}
		}
		return false
	}
	var broken *migrate.ReferenceError
	switch {
	case errors.As(f.Err, &broken) && !broken.Before:
		return "the migration loses rows that others refer to: correct it, and rehearse it with --dry-run=data"
	case broken != nil:
		return "mend the rows that refer to rows that aren't there"
	case is(tenants.ErrNoDatabase):
		return "bring its database back, or archive and purge the tenant"
	case is(gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated, gorm.ErrCheckConstraintViolated):
		return "some of its rows break the migration: mend them"
	case is(tenants.ErrRetryable):
		return "a session holds a lock in its database: end that session"
	case is(tenants.ErrFull):
		return "make room on the disk of its server"
	case is(tenants.ErrUnavailable):
		return "see that its server answers and its database is whole"
	case is(tenants.ErrSchemaVersion):
		return "run the newer build that has migrated it"
	case is(lifecycle.ErrUnderWay):
		return "wait for the operation, or cancel it"
	}
	return ""
}
