package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// tryLogin connects to the tenant's database once as the tenant's role, as
// requests will: a server may let the provisioner in and not the role. The error,
// which is ErrUnavailable, says so. One role is tried at a time, over a connection of the reserve: the
// budget may be used up by tenants that are served.
func (e *Engine) tryLogin(ctx context.Context, t *tenants.Tenant) (err error) {
	login, err := e.login(t)
	if err != nil {
		return err
	}
	select {
	case e.trying <- struct{}{}:
		defer func() { <-e.trying }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	db := sql.OpenDB(connector{server: login, database: t.Database})
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.PingContext(ctx)
	switch stateOf(err) {
	case codeNoEntry, codeWrongPassword:
		return fmt.Errorf("%w: the server doesn't let the tenant's role log in with its password; have pg_hba.conf let roles like it in with scram-sha-256: %w",
			tenants.ErrUnavailable, err)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}
