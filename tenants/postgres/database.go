package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// SQLSTATEs of statements about databases and roles.
const (
	codeDuplicateDatabase = "42P04"
	codeDuplicateObject   = "42710"
	codeUniqueViolation   = "23505"
	codeObjectInUse       = "55006"
	codeUnknownDatabase   = "3D000"
	codeForbidden         = "42501"
	codeInvalidValue      = "22023" // among others: a role that doesn't exist
	codeWrongPassword     = "28P01"
	codeNoConnections     = "53300"
	codeNoEntry           = "28000" // in pg_hba.conf, or the role may not log in
	codeReadOnly          = "25006"
	codeInternalError     = "XX000" // among others: a concurrent statement changed the same catalogue row
	codeDuplicateSchema   = "42P06"
	codeUnknownSchema     = "3F000"
	codeUndefinedObject   = "42704"
	codeLockTimeout       = "55P03"
	codeDivisionByZero    = "22012"
)

// isUnknown reports whether a statement failed because there is no database or schema of a name.
func isUnknown(err error) bool {
	state := stateOf(err)
	return state == codeUnknownDatabase || state == codeUnknownSchema
}

// isDuplicate reports whether a statement failed because there is a database or schema of a name already.
func isDuplicate(err error) bool {
	state := stateOf(err)
	return state == codeDuplicateDatabase || state == codeDuplicateSchema
}

// databasePattern matches the names of tenants' databases. Postgres would silently truncate a name of
// more than 63 bytes.
var databasePattern = regexp.MustCompile(`^t_[0-9a-z]{26}$`)

// DatabaseName returns the name for a new tenant's database.
func (e *Engine) DatabaseName(id string) string { return "t_" + id }

func databaseName(t *tenants.Tenant) (string, error) {
	if !databasePattern.MatchString(t.Database) {
		return "", fmt.Errorf("%w: %q is not the name of a tenant's database", tenants.ErrUnavailable, t.Database)
	}
	return t.Database, nil
}

// Create copies the template, makes the tenant's role and grants access to that role only. If the
// database exists already, Create revokes the access of others.
func (e *Engine) Create(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil {
		return err
	}
	err = e.checkNotTrashed(ctx, name)
	if err == nil {
		err = e.copyTemplate(ctx, name)
	}
	if isUnknown(err) { // the template was dropped meanwhile
		e.template.forget()
		err = e.copyTemplate(ctx, name)
	}
	if err == nil {
		err = e.grantAccess(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, asProvisioner(err))
	}
	return nil
}

// grantAccess grants the tenant's role access to the database, and checks that it can connect.
func (e *Engine) grantAccess(ctx context.Context, t *tenants.Tenant) error {
	if err := e.layout.admit(ctx, t); err != nil {
		return err
	}
	return e.layout.tryLogin(ctx, t)
}

// copyTemplate copies the template, or keeps an existing database. A copy doesn't inherit the template's
// permissions and would be open to every role, so it is closed to connections at first.
func (e *Engine) copyTemplate(ctx context.Context, name string) error {
	template, err := e.template.ready(ctx)
	if err != nil {
		return err
	}
	err = retryInUse(ctx, func() error { return e.layout.copyTemplate(ctx, template, name) })
	if isDuplicate(err) || stateOf(err) == codeUniqueViolation { // the latter if another process did it at the same time
		return nil
	}
	return err
}

// retryInUse calls do again if it failed because of other sessions in a database. Postgres itself waits
// five seconds for them each time.
func retryInUse(ctx context.Context, do func() error) error {
	const tries = 4
	pause := 50 * time.Millisecond
	for i := 1; ; i++ {
		err := do()
		if i == tries || stateOf(err) != codeObjectInUse {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// retryRaced calls do again if it failed because another process did the same at the same time. do must
// succeed if it finds everything done.
func retryRaced(ctx context.Context, do func() error) error {
	const tries = 8
	pause := 5 * time.Millisecond
	for i := 1; ; i++ {
		err := do()
		switch stateOf(err) {
		case codeDuplicateObject, codeUniqueViolation, codeInternalError:
		default:
			return err
		}
		if i == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause + rand.N(pause)):
			pause *= 2
		}
	}
}

// Open connects to the tenant's database as the tenant's role.
func (e *Engine) Open(ctx context.Context, t *tenants.Tenant) (*tenants.Conns, error) {
	name, err := databaseName(t)
	if err != nil {
		return nil, err
	}
	of := people
	if tenants.IsChore(ctx) {
		of = chores
	}
	conns, err := e.layout.open(ctx, t, of)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	return conns, nil
}

// placeOf returns where the server at a host of a URL is, as far as the host tells.
func placeOf(host string) tenants.Place {
	address, err := netip.ParseAddr(host)
	if strings.HasPrefix(host, "/") || host == "localhost" || err == nil && address.IsLoopback() {
		return tenants.SameMachine
	}
	return tenants.OtherMachine
}

// Migrate applies the migrations as the provisioner, over a connection that counts against the budget.
// Then it grants the tenant's role its permissions on new objects that lack them.
func (e *Engine) Migrate(ctx context.Context, t *tenants.Tenant) (version int64, err error) {
	return e.inMigration(ctx, t, func(db *sql.DB) (int64, error) {
		return migrate.Up(ctx, db, Dialect, e.config.Schema.Migrations[Dialect])
	})
}

// MigrateDown undoes migrations, over a connection as Migrate, and grants permissions on what they bring back.
func (e *Engine) MigrateDown(ctx context.Context, t *tenants.Tenant, to int64) (version int64, err error) {
	return e.inMigration(ctx, t, func(db *sql.DB) (int64, error) {
		return migrate.Down(ctx, db, Dialect, e.config.Schema.Migrations[Dialect], to)
	})
}

// inMigration calls do with a connection of the provisioner to the tenant's database, and then grants permissions.
func (e *Engine) inMigration(ctx context.Context, t *tenants.Tenant, do func(*sql.DB) (int64, error)) (version int64, err error) {
	name, err := databaseName(t)
	if err != nil {
		return 0, err
	}
	db, err := e.connect(ctx, name, e.server, migrations, 1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	version, err = do(db)
	if err == nil {
		err = unclear(grantRights(ctx, db, e.layout.at(e.server, name).schema(), e.layout.holder(name)))
	}
	if err != nil {
		return version, fmt.Errorf("migrate database %s: %w", name, asProvisioner(err))
	}
	return version, nil
}

// unclear wraps an error after which a migrated database can't be served yet.
func unclear(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", migrate.ErrUnclear, err)
}

// connect opens a pool of at most conns connections to a tenant's database, for a class of work, and verifies the
// database.
func (e *Engine) connect(ctx context.Context, name string, login *server, of class, conns int) (*sql.DB, error) {
	s, err := e.openShare(ctx, name, login, of, conns)
	if err != nil {
		return nil, err
	}
	return s.db, nil
}

// openShare is connect for callers that need the pool's share of the budget.
func (e *Engine) openShare(ctx context.Context, name string, login *server, of class, conns int) (*share, error) {
	c := e.layout.at(login, name)
	c.scoped = login != e.server
	s := e.budget.openPool(c, of, conns)
	err := verify(ctx, s.db, c)
	if state := stateOf(err); state == codeUnknownDatabase || state == codeWrongPassword || errors.Is(err, errNotMade) { // without the role, or the schema
		err = e.addNoDatabase(ctx, name, err)
	}
	if err != nil {
		return nil, errors.Join(unavailable(err), s.db.Close())
	}
	return s, nil
}

// addNoDatabase adds ErrNoDatabase to err unless the database exists, in use or in the trash.
func (e *Engine) addNoDatabase(ctx context.Context, name string, err error) error {
	if live, kept, failure := e.layout.find(ctx, name, trashName(name)); failure != nil || live || kept {
		return err
	}
	return fmt.Errorf("%w: %w: %w", tenants.ErrUnavailable, tenants.ErrNoDatabase, err)
}

// rowQuerier is a pool or a transaction.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errNotMade means that no migration has run.
var errNotMade = errors.New("the database was not made by this engine, or was not migrated since it was")

// verify returns an error unless db is the named database and has migrations. An empty database of that
// name is not Tenantry's, or is partly restored.
func verify(ctx context.Context, db rowQuerier, of connector) error {
	var current string
	var migrated bool
	err := db.QueryRowContext(ctx, "SELECT current_database(), to_regclass($1) IS NOT NULL", of.schema()+".goose_db_version").Scan(&current, &migrated)
	switch {
	case err != nil:
		return err
	case current != of.database:
		return fmt.Errorf("the server led to database %q", current)
	case !migrated:
		return errNotMade
	}
	return nil
}

// exec runs a statement on the admin database in which each %s is the name of a database or role.
func (e *Engine) exec(ctx context.Context, statement string, names ...string) error {
	return execNamed(ctx, e.admin, statement, names...)
}

// execNamed runs a statement in which each %s is a name.
func execNamed(ctx context.Context, db *sql.DB, statement string, names ...string) error {
	_, err := db.ExecContext(ctx, withNames(statement, names...))
	return err
}

// withNames returns a statement with quoted names in place of each %s.
func withNames(statement string, names ...string) string {
	quoted := make([]any, len(names))
	for i, name := range names {
		quoted[i] = pgx.Identifier{name}.Sanitize()
	}
	return fmt.Sprintf(statement, quoted...)
}

// stateOf returns the SQLSTATE of err, or "" if err is not the server's.
func stateOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
