package tenants

import (
	"context"
	"errors"
	"time"
)

// ErrInUse means that the object belongs to a tenant or is being used.
var ErrInUse = errors.New("object is in use")

// Inspector is the part of an Engine that compares what is on its server with what the master says,
// and corrects it. It may run at any time.
type Inspector interface {
	// Survey lists what the engine has made on its server, sorted by name. If several installations
	// share a server, it lists only this installation's objects.
	Survey(ctx context.Context) ([]Object, error)

	// Examine returns the faults of the tenant's database, which for a purged tenant is the one in
	// the trash. It uses one extra connection and changes nothing. It doesn't read every page of a
	// large database. An error means that the faults can't be determined; it wraps ErrUnavailable if
	// the server doesn't answer.
	Examine(ctx context.Context, t *Tenant) ([]Fault, error)

	// Mend corrects the faults that Examine called mendable: it puts the database where the tenant's
	// state requires, grants the permissions that Create grants, and revokes all others. It is
	// idempotent and loses no data.
	Mend(ctx context.Context, t *Tenant) error

	// Discard removes a template or a temporary object that Survey listed. Returns ErrInUse if the
	// object is in use by then, or belongs to a tenant: Drop removes those. A missing object is not
	// an error.
	Discard(ctx context.Context, o Object) error
}

var _ Inspector = Engine(nil)

// Exposer is an Engine whose server may also hold databases that Tenantry did not make.
type Exposer interface {
	// Exposed lists the databases to which tenants' roles may connect, except each tenant's own.
	Exposed(ctx context.Context) ([]Exposure, error)
}

// Exposure is a database to which tenants' roles may connect though they should not.
type Exposure struct {
	// Database is its name. Roles are the roles that may connect; PUBLIC means everybody.
	Database string
	Roles    []string
	// Remedy is SQL that revokes the access.
	Remedy string
}

// Separator is an Engine that may keep tenants apart within one database.
type Separator interface {
	// Gaps lists rights with which a tenant's scope could leave the tenant's part of the database, or hold up other tenants.
	Gaps(ctx context.Context) ([]Gap, error)
}

// Gap is a right that no tenant may have.
type Gap struct {
	// Detail says what is open.
	Detail string
	// Database is where a superuser has to run Remedy, which is SQL that closes the gap.
	Database, Remedy string
}

// GapError means that a server isn't used because of a gap. It matches ErrUnavailable.
type GapError struct{ Gap }

// Error says what to do.
func (e *GapError) Error() string {
	return e.Detail + ", in database " + e.Database + "; have a superuser run in it: " + e.Remedy
}

// Unwrap returns ErrUnavailable.
func (e *GapError) Unwrap() error { return ErrUnavailable }

// ObjectKind is a kind of Object.
type ObjectKind string

// The kinds of objects.
const (
	// ObjectDatabase is a tenant's database.
	ObjectDatabase ObjectKind = "database"
	// ObjectRole is a tenant's role, on Postgres.
	ObjectRole ObjectKind = "role"
	// ObjectTrash is a tenant's database that Trash has taken out of use.
	ObjectTrash ObjectKind = "trash"
	// ObjectTemplate is a template for other migrations than the current ones. Survey doesn't list
	// the current template.
	ObjectTemplate ObjectKind = "template"
	// ObjectTemporary is something incomplete. It was left behind by a process that died, unless a
	// process is completing it right now.
	ObjectTemporary ObjectKind = "temporary"
)

// Object is something that an engine made on its server.
type Object struct {
	Kind ObjectKind
	// Name is the object's name on the server, or on SQLite its path in the data folder. It is unique
	// among objects of the same kind.
	Name string
	// TenantID is the tenant that the object belongs to. It is empty for templates and if unknown.
	TenantID string
	// Age is the time since the object last changed, or 0 if the server doesn't know it. For a
	// template it is the time since the current template was made: until a while after that, older
	// processes may still make tenants from the old one.
	Age time.Duration
}
