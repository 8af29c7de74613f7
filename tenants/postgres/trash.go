package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// trashName returns the name of a tenant's database in the trash.
func trashName(name string) string { return "trash_" + strings.TrimPrefix(name, "t_") }

// Trash closes the tenant's database for connections, ends the existing ones, and renames the database. The
// tenant's role stays, without the right to log in.
func (e *Engine) Trash(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil {
		return err
	}
	err = e.joinRole(ctx, name)
	if err == nil {
		err = e.closeDatabase(ctx, name)
	}
	if err == nil {
		err = e.rename(ctx, name, trashName(name))
	}
	if err != nil {
		return fmt.Errorf("trash database %s: %w", name, inUse(err))
	}
	return nil
}

// Untrash gives the tenant's database its name again and grants the tenant's role access.
func (e *Engine) Untrash(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil {
		return err
	}
	verifier, err := e.verifier(t)
	if err == nil {
		err = e.rename(ctx, trashName(name), name)
	}
	if err == nil {
		err = e.grantAccess(ctx, t, verifier)
	}
	if err != nil {
		return fmt.Errorf("take database %s out of the trash: %w", name, inUse(err))
	}
	return nil
}

// closeDatabase closes the database, if it exists, for connections, and takes from the tenant's role the right to
// log in.
func (e *Engine) closeDatabase(ctx context.Context, name string) error {
	script := render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({name text}, 0));
		IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {name text}) THEN
			ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false;
		END IF;
		IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name text}) THEN
			ALTER ROLE {name} NOLOGIN;
		END IF;
	END $tenantry$`, map[string]string{"name": name})
	return retryRaced(ctx, func() error { return run(ctx, e.admin, script) })
}

// rename renames a database after ending the connections to it, as far as the provisioner may. It does
// nothing if the database already has the new name.
func (e *Engine) rename(ctx context.Context, from, to string) error {
	live, kept, err := e.findBoth(ctx, from, to)
	switch {
	case err != nil:
		return err
	case live && kept:
		return fmt.Errorf("%w: there are both %s and %s; rename one of them", tenants.ErrUnavailable, from, to)
	case kept:
		return nil
	case !live:
		return fmt.Errorf("%w: %w called %s or %s", tenants.ErrUnavailable, tenants.ErrNoDatabase, from, to)
	}
	if err := e.cutConnections(ctx, from); err != nil {
		return err
	}
	err = e.exec(ctx, "ALTER DATABASE %s RENAME TO %s", from, to)
	if state := stateOf(err); state != codeUnknownDatabase && state != codeDuplicateDatabase {
		return err
	}
	if live, kept, raced := e.findBoth(ctx, from, to); raced == nil && kept && !live {
		return nil // somebody else has renamed it
	}
	return err
}

// findBoth reports which of two databases exist.
func (e *Engine) findBoth(ctx context.Context, one, other string) (haveOne, haveOther bool, err error) {
	err = e.admin.QueryRowContext(ctx, `SELECT coalesce(bool_or(datname = $1), false), coalesce(bool_or(datname = $2), false)
		FROM pg_database WHERE datname IN ($1, $2)`, one, other).Scan(&haveOne, &haveOther)
	return haveOne, haveOther, err
}

// cutConnections ends the sessions of the tenant's role, and of the provisioner, in a database.
func (e *Engine) cutConnections(ctx context.Context, database string) error {
	_, err := e.admin.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND pid <> pg_backend_pid() AND pg_has_role(usesysid, 'USAGE')`, database)
	return err
}

// checkNotTrashed returns ErrUnavailable if the tenant's database is in the trash: a new one would keep it there
// for ever.
func (e *Engine) checkNotTrashed(ctx context.Context, name string) error {
	_, kept, err := e.findBoth(ctx, name, trashName(name))
	if err == nil && kept {
		err = fmt.Errorf("%w: it is in the trash", tenants.ErrUnavailable)
	}
	return err
}

// errInUse means that sessions in the database did not end within the five seconds that Postgres waits.
var errInUse = errors.New("others are connected to it; they must disconnect first")

// inUse wraps an error about sessions that could not be ended with ErrUnavailable and errInUse.
func inUse(err error) error {
	if stateOf(err) == codeObjectInUse {
		return fmt.Errorf("%w: %w: %w", tenants.ErrUnavailable, errInUse, err)
	}
	return asProvisioner(err)
}
