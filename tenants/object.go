package tenants

import (
	"context"
	"errors"
	"time"
)

// ErrInUse: the object belongs to a tenant, or somebody works with it.
var ErrInUse = errors.New("object is in use")

// Inspector is the part of an Engine that looks at what is on its server beside
// what the master knows, and puts it right. It may run beside everything else.
type Inspector interface {
	// Survey lists what the engine has made on its server, in the order of the
	// names: its own installation's, where several share a server.
	Survey(ctx context.Context) ([]Object, error)

	// Examine returns what is wrong with the tenant's database, of a purged one
	// with that in the trash. It takes one connection, which serves nobody, and
	// changes nothing; of large databases it doesn't read every page. An error
	// says that it can't tell: it wraps ErrUnavailable when the server doesn't
	// answer.
	Examine(ctx context.Context, t *Tenant) ([]Fault, error)

	// Mend puts right what Examine called mendable: it has the database where the
	// tenant's state says, with the rights that Create gives, and gives others
	// none. It is idempotent, and loses no data.
	Mend(ctx context.Context, t *Tenant) error

	// Discard removes a template or temporary object that Survey listed, unless
	// it is in use by then: that is ErrInUse, and so are those of tenants, which
	// Drop removes. One that is gone is no error.
	Discard(ctx context.Context, o Object) error
}

var _ Inspector = Engine(nil)

// Exposer is an Engine whose server has databases of others, too.
type Exposer interface {
	// Exposed lists the databases, but for each tenant's own, that tenants'
	// roles may connect to.
	Exposed(ctx context.Context) ([]Exposure, error)
}

// Exposure is a database that tenants' roles may connect to and should not.
type Exposure struct {
	// Database is its name, and Roles are who may connect, PUBLIC for everybody.
	Database string
	Roles    []string
	// Remedy is the SQL that closes it.
	Remedy string
}

// ObjectKind says what an Object is.
type ObjectKind string

// The kinds of objects.
const (
	// ObjectDatabase is a tenant's database.
	ObjectDatabase ObjectKind = "database"
	// ObjectRole is a tenant's role, on Postgres.
	ObjectRole ObjectKind = "role"
	// ObjectTrash is a tenant's database that Trash took out of use.
	ObjectTrash ObjectKind = "trash"
	// ObjectTemplate is a template of other migrations than the current ones.
	// The current template is not listed.
	ObjectTemplate ObjectKind = "template"
	// ObjectTemporary is half of something. Unless somebody is making it right
	// now, it was left by a process that died.
	ObjectTemporary ObjectKind = "temporary"
)

// Object is something on a server that an engine made.
type Object struct {
	Kind ObjectKind
	// Name is the object's on the server, on SQLite within the data folder. No
	// two objects of a kind share one.
	Name string
	// TenantID is whose it is; empty for templates and what can't be told.
	TenantID string
	// Age is how long ago it was last changed; 0 where the server can't tell. That
	// of a template is how long there has been a current one beside it: until
	// then, and for a while, processes of before may still make tenants of it.
	Age time.Duration
}
