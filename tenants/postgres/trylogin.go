package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// tryLogin connects to the tenant's database once as the tenant's role, as requests will, because a server
// may accept the provisioner but not the role. Returns ErrUnavailable if it can't connect. It tries one
// role at a time, over a connection that the budget does not count, because tenants that are served may use up the budget.
func (d databases) tryLogin(ctx context.Context, t *tenants.Tenant) (err error) {
	login, err := d.login(t)
	if err != nil {
		return err
	}
	select {
	case d.trying <- struct{}{}:
		defer func() { <-d.trying }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	db := sql.OpenDB(d.at(login, t.Database))
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.PingContext(ctx)
	switch stateOf(err) {
	case codeNoEntry, codeWrongPassword:
		return fmt.Errorf("%w: the server doesn't let the tenant's role log in with its password; allow such roles in pg_hba.conf with scram-sha-256: %w",
			tenants.ErrUnavailable, err)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}
