package tenants_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestSize: a database has a size while it is in its place, and is not opened
// for it.
func TestSize(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		sizer, ok := env.Engine.(tenants.Sizer)
		if !ok {
			t.Fatal("the engine tells no sizes")
		}
		sizes, err := sizer.Sizes(t.Context())
		if err != nil || sizes[tenant.Database] < 4096 {
			t.Errorf("%v, %v", sizes, err)
		}
		for name := range sizes { // on Postgres those of other tests' tenants too
			if name != tenant.Database && !strings.HasPrefix(name, "t_") {
				t.Errorf("%q is no tenant's", name)
			}
		}
		size, err := sizer.Size(t.Context(), tenant)
		if err != nil || size < 4096 {
			t.Errorf("%d bytes, %v", size, err)
		}
		if opened := env.Store.Load().Opened; opened != 0 {
			t.Errorf("%d databases were opened", opened)
		}
		if err := env.Engine.Trash(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		if _, err := sizer.Size(t.Context(), tenant); !errors.Is(err, tenants.ErrUnavailable) {
			t.Errorf("in the trash: %v", err)
		}
	})
}

// TestLoad: handles and connections are counted as they are taken, waited for
// and given back.
func TestLoad(t *testing.T) {
	t.Parallel()
	for _, engine := range []tenantstest.Engine{tenantstest.SQLite, tenantstest.Postgres} { // in schemas no connection is one tenant's
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 1})
			one, two := env.Tenant(t, "one"), env.Tenant(t, "two")
			err := env.Store.View(t.Context(), one, func(*gorm.DB) error {
				ctx, cancel := context.WithCancel(t.Context())
				waited := make(chan error, 1)
				go func() { waited <- env.Store.View(ctx, two, func(*gorm.DB) error { return nil }) }()
				for env.Store.Load().Waiting == 0 {
					if len(waited) > 0 {
						t.Fatal(<-waited)
					}
				}
				want := tenants.Load{Open: 1, Limit: 1, Leased: 1, Waiting: 1, Opened: 1, Waits: 1, Evicted: 1}
				if got := env.Store.Load(); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
				if b, ok := env.Engine.(tenants.Budgeted); ok {
					most := int64(1)
					if engine == tenantstest.Schemas { // tenants that were created have left theirs open for others
						most = 2
					}
					if got := b.Connections(); got.Used < 1 || int64(got.Used) > most || got.Limit < 1 {
						t.Errorf("%+v", got)
					}
				}
				cancel()
				<-waited
				return nil
			})
			if got := env.Store.Load(); err != nil || got.Leased != 0 || got.Waiting != 0 {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}
