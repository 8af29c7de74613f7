package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrNoClient means that the tenant's engine has no command-line client.
var ErrNoClient = errors.New("there is no command-line client for this kind of database")

// Client returns the command-line client for the database of a tenant that is active, suspended or archived. Returns
// tenants.ErrUnknownTenant, a *StateError or ErrNoClient.
func (m *Manager) Client(ctx context.Context, subdomain string, write bool) (tenants.Client, error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil {
		return tenants.Client{}, err
	}
	if !t.State.IsSettled() {
		return tenants.Client{}, &StateError{t.Subdomain, t.State, tenants.StateActive}
	}
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return tenants.Client{}, err
	}
	interactive, ok := engine.(tenants.Interactive)
	if !ok {
		return tenants.Client{}, ErrNoClient
	}
	client, err := interactive.Client(t, write)
	if err != nil {
		return client, fmt.Errorf("client for tenant %q: %w", t.Subdomain, err)
	}
	return client, nil
}

// Shell records in the ledger that a client is opened, and calls run with a context that ends when this process may no
// longer work on the tenant. While a client runs that may write, there is no other operation on the tenant: neither a move
// nor a migration could see what is written beside the store's scopes. Otherwise Shell fails as Suspend does.
func (m *Manager) Shell(ctx context.Context, by Operator, subdomain string, write bool, run func(ctx context.Context)) error {
	_, err := m.do(ctx, by, tenants.KindShell, subdomain, func(_ *gorm.DB, j *job) error {
		if !j.tenant.State.IsSettled() {
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateActive}
		}
		j.params.To, j.client = "write", run
		if !write {
			j.params.To, j.plan.steps = "read", nil
		}
		return nil
	})
	if err == nil && !write {
		run(ctx)
	}
	return err
}

// errShellInterrupted means that the process that ran the client died.
var errShellInterrupted = errors.New("the process that ran the client ended; what was committed in it remains")

func runClient(_ *Manager, ctx context.Context, j *job) error {
	if j.client == nil {
		return errShellInterrupted
	}
	j.client(ctx)
	return nil
}
