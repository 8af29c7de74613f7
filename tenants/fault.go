package tenants

import "fmt"

// FaultKind says what is wrong with a tenant's database.
type FaultKind string

// The kinds of faults.
const (
	// FaultMissing: there is no database where the master says.
	FaultMissing FaultKind = "database-missing"
	// FaultMisplaced: it is in the trash though the tenant was not purged, or the
	// other way round, or in both places.
	FaultMisplaced FaultKind = "database-misplaced"
	// FaultUnreadable: what is there is no database, or can't be read.
	FaultUnreadable FaultKind = "database-unreadable"
	// FaultIdentity: it is another tenant's, or nobody's.
	FaultIdentity FaultKind = "identity-wrong"
	// FaultVersion: its schema is of another version than the master says.
	FaultVersion FaultKind = "schema-version-wrong"
	// FaultRole: the tenant's role is not there, on Postgres.
	FaultRole FaultKind = "role-missing"
	// FaultPermissions: others may do what they must not, or the tenant's role
	// can't do what it must.
	FaultPermissions FaultKind = "permissions-wrong"
)

// Fault is something that an Inspector found wrong with a tenant's database.
type Fault struct {
	Kind FaultKind
	// Detail says what, for operators and without secrets.
	Detail string
	// Mendable says that Mend puts it right without losing data. What the master
	// knows wrong it doesn't.
	Mendable bool
	// Version is the version that the database has, with FaultVersion. It is
	// the master that has to be put right then.
	Version int64
}

// Found is a fault of this kind that Mend can't put right.
func (k FaultKind) Found(format string, args ...any) Fault {
	return Fault{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Mendable is a fault of this kind that Mend puts right.
func (k FaultKind) Mendable(format string, args ...any) Fault {
	return Fault{Kind: k, Detail: fmt.Sprintf(format, args...), Mendable: true}
}
