package tenants_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// takeMasterAway makes the master unreachable until back is called.
func takeMasterAway(t *testing.T, env *tenantstest.Env) (back func()) {
	t.Helper()
	if env.Kind == tenantstest.SQLite {
		files, err := filepath.Glob(filepath.Join(env.Dir, "master*"))
		must(t, err)
		for _, file := range files {
			must(t, os.Rename(file, file+".away"))
		}
		return func() {
			for _, file := range files {
				must(t, os.Rename(file+".away", file))
			}
		}
	}
	conn, err := pgx.Connect(t.Context(), pgcluster.URL(t))
	must(t, err)
	config, err := pgx.ParseConfig(env.MasterURL)
	must(t, err)
	run := func(sql string, args ...any) {
		_, err := conn.Exec(t.Context(), sql, args...)
		must(t, err)
	}
	name := pgx.Identifier{config.Database}.Sanitize()
	run("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
	run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", config.Database)
	return func() {
		run("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true")
		must(t, conn.Close(t.Context()))
	}
}

// TestKnownTenantsAreServedWithoutTheMaster for longer than the TTL, also one whose handle was closed meanwhile;
// others are refused as unavailable. When the master is back, all are served.
func TestKnownTenantsAreServedWithoutTheMaster(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	options := tenantstest.Options{OnePlacement: true, InstanceTTL: ttl, MasterAway: 5 * time.Minute, MaxOpen: 1}
	tenantstest.Each(t, options, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		env.Tenant(t, "initech")
		work := func(subdomain string) error {
			tenant, err := env.Store.Lookup(t.Context(), subdomain)
			if err != nil {
				return err
			}
			return env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
		}
		for same := 0; same < 20; same++ { // until all notifications of its creation are there
			before := lookup(t, env, "initech")
			time.Sleep(50 * time.Millisecond)
			if lookup(t, env, "initech") != before {
				same = 0
			}
		}
		must(t, work("initech"))
		must(t, work("acme")) // takes the only handle
		id := env.Store.Process().ID()
		back := takeMasterAway(t, env)
		for begun := time.Now(); time.Since(begun) < 3*ttl/2; time.Sleep(50 * time.Millisecond) {
			if err := work("acme"); err != nil {
				t.Fatalf("after %v: %v", time.Since(begun), err)
			}
		}
		must(t, work("initech"))
		if err := work("globex"); !errors.Is(err, tenants.ErrUnavailable) {
			t.Errorf("a tenant that isn't open: %v", err)
		}
		back()
		wait.For(t, "work with the master back", func() error { return work("globex") }, func(err error) bool { return err == nil })
		must(t, work("acme"))
		if env.Store.Process().ID() != id {
			t.Error("the process has lapsed")
		}
	})
}
