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
	err = e.joinRole(ctx, e.layout.roleOf(name))
	if err == nil {
		err = e.layout.shut(ctx, e.layout.roleOf(name), name)
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
	err = e.rename(ctx, trashName(name), name)
	if err == nil {
		err = e.grantAccess(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("take database %s out of the trash: %w", name, inUse(err))
	}
	return nil
}

// rename renames a database. It does
// nothing if the database already has the new name.
func (e *Engine) rename(ctx context.Context, from, to string) error {
	live, kept, err := e.layout.find(ctx, from, to)
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
	err = e.layout.rename(ctx, from, to)
	if !isUnknown(err) && !isDuplicate(err) {
		return err
	}
	if live, kept, raced := e.layout.find(ctx, from, to); raced == nil && kept && !live {
		return nil // somebody else has renamed it
	}
	return err
}

// checkNotTrashed returns ErrUnavailable if the tenant's database is in the trash: a new one would keep it there
// for ever.
func (e *Engine) checkNotTrashed(ctx context.Context, name string) error {
	_, kept, err := e.layout.find(ctx, name, trashName(name))
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
