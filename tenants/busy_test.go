package tenants_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestBusyTellsWhenToComeBack: a scope whose deadline passes in the queue for connections gets an estimate, wherever it
// waited: for its tenant's own connection, or for a database to be opened.
func TestBusyTellsWhenToComeBack(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, InstanceTTL: time.Hour})
	acme, globex, initech := env.Tenant(t, "acme"), env.Tenant(t, "globex"), env.Tenant(t, "initech")
	nothing := func(*gorm.DB) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	err := env.Store.View(t.Context(), acme, func(*gorm.DB) error {
		env.Engine.(tenants.Divided).LimitConnections(1)
		go func() { waited <- env.Store.View(ctx, globex, nothing) }()
		for env.Engine.(tenants.Budgeted).Connections().Waiting == 0 {
			if len(waited) > 0 {
				t.Fatal(<-waited)
			}
		}
		for _, tenant := range []*tenants.Tenant{acme, initech} {
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			outer := make(chan error)
			go func() { outer <- env.Store.View(short, tenant, nothing) }()
			var busy *tenants.BusyError
			if err := <-outer; !errors.As(err, &busy) || !errors.Is(err, tenants.ErrBusy) || busy.After < 0 {
				t.Errorf("%s: %v", tenant.Subdomain, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	cancel()
	<-waited
}
