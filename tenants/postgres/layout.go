package postgres

import (
	"context"
	"fmt"

	"tenantry/tenants"
)

// layout is how tenants lie on a server: each in a database of its own, or each in a schema of one database. What has a
// name, such as a tenant's tables, a template or a draft, is a database or a schema. The rest of the engine is the same
// for both: it works in the schema of the connection that at gives it.
type layout interface {
	// prepare prepares the server for tenants, once for each engine.
	prepare(ctx context.Context) error
	// close closes what handles share, after all handles.
	close() error
	// queue returns the budget in which scopes wait, which may be the engine's.
	queue() *budget
	// at returns how to connect, with a login, to what has the name.
	at(login *server, name string) connector
	// login returns the login of the tenant's role.
	login(t *tenants.Tenant) (*server, error)
	// open opens the pools of a tenant's handle.
	open(ctx context.Context, t *tenants.Tenant, of class) (*tenants.Conns, error)
	// find reports which of two names are in use.
	find(ctx context.Context, one, other string) (haveOne, haveOther bool, err error)
	// roleOf returns the name of the role of the tenant whose tables have the name.
	roleOf(name string) string
	// holder returns the role that has the permissions on the tables of what has the name, or "" if that has none yet.
	holder(name string) string

	// createDraft makes an empty draft to which only its owner can ever connect: a tenant who could would leave rows in
	// the tables of all later tenants.
	createDraft(ctx context.Context, draft string) error
	// takeDraft removes what a process that died left of a draft, and keeps others from discarding the draft until
	// release is called. It fails if another process works on the draft.
	takeDraft(ctx context.Context, draft string) (release func(), err error)
	// finish closes a draft to others and gives it its name.
	finish(ctx context.Context, draft, name string) error
	// discard drops an unfinished draft. Returns ErrInUse if a process works on it.
	discard(ctx context.Context, draft string) error
	// remove drops what has the name, if it exists, also if others use it.
	remove(ctx context.Context, name string) error
	// rename renames what has a name, after ending its use as far as the provisioner may.
	rename(ctx context.Context, from, to string) error

	// copyTemplate makes what has the name a copy of the template, closed to all roles.
	copyTemplate(ctx context.Context, template, name string) error
	// inspectTemplate reports whether a template is marked as one, its owner, and the provisioner. Returns sql.ErrNoRows if
	// there is none.
	inspectTemplate(ctx context.Context, template string) (marked bool, owner, user string, err error)
	// mark marks what has the name as a template, or takes the mark away.
	mark(ctx context.Context, template string, marked bool) error
	// comment stores a text with what has the name.
	comment(ctx context.Context, name, text string) error
	// commentOf returns that text, or sql.ErrNoRows.
	commentOf(ctx context.Context, name string) (string, error)

	// newCredentials makes the value of Tenant.Credentials, or nil.
	newCredentials(id string) ([]byte, error)
	// admit makes the tenant's role, or sets its attributes again, grants it alone the use of what has its name, and takes
	// other rights of the role away.
	admit(ctx context.Context, t *tenants.Tenant) error
	// tryLogin checks that scopes of the tenant will be able to begin. Returns ErrUnavailable if not.
	tryLogin(ctx context.Context, t *tenants.Tenant) error
	// shut closes what has the name, if it exists, and takes from the tenant's role the right to be used.
	shut(ctx context.Context, role, name string) error
	// own makes the provisioner the owner of what has the name.
	own(ctx context.Context, name string) error
	// strip takes all permissions on what has the name from a role, or from everybody if it is PUBLIC.
	strip(ctx context.Context, name, role string) error
	// stripInside takes from the tenant's role what it may not have in its tables, over a connection to them.
	stripInside(role, schema string) string
	// locate describes where the tenant's tables are.
	locate(ctx context.Context, name string, trashed bool) (*location, error)
	// names returns the queries of this installation's names. The arguments are the group, and the prefixes of
	// templates, adoptions and rehearsals.
	surveyQuery() string
	// exposedQuery returns the query of databases to which tenants' roles may connect though they should not.
	exposedQuery() string
	// sizeSQL returns a query for the bytes of the tenant in whose scope it runs.
	sizeSQL() string
	// sizesQuery returns the query of tenants' names and bytes, up to a condition on the name.
	sizesQuery() string
	// signsQuery returns the query of tenants' names and what changes with each write, up to a condition on the name.
	signsQuery() string
}

// newLayout returns the layout of the engine's placement.
func newLayout(e *Engine) (layout, error) {
	switch e.config.Placement {
	case "", tenants.PlacementDatabase:
		if e.config.Pooler != "" {
			return nil, fmt.Errorf("a pooler is of use for placement %s alone: a connection belongs to one database", tenants.PlacementSchema)
		}
		return databases{e}, nil
	case tenants.PlacementSchema:
		return newSchemas(e)
	}
	return nil, fmt.Errorf("placement %q is not %s or %s", e.config.Placement, tenants.PlacementDatabase, tenants.PlacementSchema)
}
