package tenants

import "fmt"

// FaultKind is a kind of Fault.
type FaultKind string

// The kinds of faults. Each is something wrong with a tenant's database.
const (
	// FaultMissing means that the master names a database that doesn't exist.
	FaultMissing FaultKind = "database-missing"
	// FaultMisplaced means that the database is in the trash though the tenant was not purged, or in
	// use though it was, or in both places.
	FaultMisplaced FaultKind = "database-misplaced"
	// FaultUnreadable means that the database is not a database or can't be read.
	FaultUnreadable FaultKind = "database-unreadable"
	// FaultIdentity means that the database is another tenant's, or has no tenant's stamp.
	FaultIdentity FaultKind = "identity-wrong"
	// FaultVersion means that the database's schema version differs from the master's.
	FaultVersion FaultKind = "schema-version-wrong"
	// FaultSchema means that the database's schema differs from what the migrations make, though its
	// version is the last one.
	FaultSchema FaultKind = "schema-differs"
	// FaultIndex means that an index is invalid, on Postgres: CREATE INDEX CONCURRENTLY failed. It slows writes and
	// serves no reads.
	FaultIndex FaultKind = "index-invalid"
	// FaultRole means that the tenant's role is missing, on Postgres.
	FaultRole FaultKind = "role-missing"
	// FaultPermissions means that others have access that they must not have, or the tenant's role
	// lacks access that it needs.
	FaultPermissions FaultKind = "permissions-wrong"
)

// Fault is a defect of a tenant's database that an Inspector found.
type Fault struct {
	Kind FaultKind
	// Detail describes the fault for operators, without secrets.
	Detail string
	// Mendable means that Mend corrects the fault without losing data. Mend never corrects the
	// master.
	Mendable bool
	// Version is the database's schema version if Kind is FaultVersion. The master has to be
	// corrected then.
	Version int64
}

// Found returns a fault of this kind that Mend can't correct.
func (k FaultKind) Found(format string, args ...any) Fault {
	return Fault{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Mendable returns a fault of this kind that Mend corrects.
func (k FaultKind) Mendable(format string, args ...any) Fault {
	return Fault{Kind: k, Detail: fmt.Sprintf(format, args...), Mendable: true}
}
