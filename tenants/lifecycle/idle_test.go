package lifecycle_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/postgres"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// TestIdleTenantsCostNothing: what a process asks the master when no tenant is active is the same with ten tenants and
// with ten thousand: the same statements, none of which reads or changes more than a few rows.
func TestIdleTenantsCostNothing(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		var group sync.WaitGroup
		asked := map[int]*statements{10: {}, 10_000: {}}
		for registered, into := range asked {
			env := tenantstest.New(t, tenantstest.Options{Engine: engine})
			register(t, env.Store.Master(), registered)
			group.Go(func() { beIdle(t, env, into) })
		}
		group.Wait()
		few, many := asked[10], asked[10_000]
		if got, want := slices.Sorted(maps.Keys(many.seen)), slices.Sorted(maps.Keys(few.seen)); !slices.Equal(got, want) {
			t.Errorf("with many tenants:\n%s\nwith few:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for text, rows := range many.seen {
			if rows > 10 {
				t.Errorf("%d rows: %s", rows, text)
			}
		}
		if !many.has("UPDATE") || !many.has("SELECT") {
			t.Errorf("the statements were not counted: %v", many.seen)
		}
	})
}

// register adds tenants to the master, without databases, and removes them at the end.
func register(t testing.TB, master *tenants.Master, n int) {
	t.Helper()
	rows := make([]tenants.Tenant, n)
	for i := range rows {
		id := strings.ToLower(ulid.Make().String())
		rows[i] = tenants.Tenant{
			ID: id, Subdomain: fmt.Sprint("t", i), State: tenants.StateActive, Server: tenants.DefaultServer, Database: id + ".db",
			SchemaVersion: 1, Epoch: 1,
		}
	}
	err := master.Update(t.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(rows, 500).Error })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := master.Update(context.Background(), func(tx *gorm.DB) error { return tx.Exec("DELETE FROM tenants").Error })
		if err != nil {
			t.Error(err)
		}
	})
}

// statements are those that a master ran, with the most rows of each.
type statements struct {
	mu   sync.Mutex
	seen map[string]int64
}

func (s *statements) note(db *gorm.DB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := db.Statement.SQL.String()
	s.seen[text] = max(s.seen[text], db.RowsAffected)
}

// has reports whether a statement that begins with the verb was run.
func (s *statements) has(verb string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := range s.seen {
		if strings.HasPrefix(text, verb) {
			return true
		}
	}
	return false
}

// watch notes all statements on the master. It must not be in use yet.
func (s *statements) watch(t *testing.T, master *tenants.Master) {
	s.seen = map[string]int64{}
	err := master.View(t.Context(), func(tx *gorm.DB) error {
		on := tx.Callback()
		for _, err := range []error{
			on.Create().After("*").Register("test:note", s.note), on.Query().After("*").Register("test:note", s.note),
			on.Update().After("*").Register("test:note", s.note), on.Delete().After("*").Register("test:note", s.note),
			on.Row().After("*").Register("test:note", s.note), on.Raw().After("*").Register("test:note", s.note),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// beIdle runs another process on env's master until its first heartbeat, and does twice what is due now and then.
func beIdle(t *testing.T, env *tenantstest.Env, asked *statements) {
	master := openMaster(t, env)
	asked.watch(t, master)
	store, err := tenants.New(t.Context(), tenants.Options{
		Master: master, Servers: map[string]tenants.Engine{tenants.DefaultServer: env.Engine}, MaxOpen: 100, InstanceTTL: 3 * time.Second,
	})
	if err != nil {
		t.Error(err)
		return
	}
	manager := lifecycle.New(store, lifecycle.Options{})
	for range 2 {
		if err := manager.Tend(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wait.Until(t, "a heartbeat", func() bool { return asked.has("UPDATE") })
	if err := store.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := master.Close(); err != nil {
		t.Error(err)
	}
}

func openMaster(t testing.TB, env *tenantstest.Env) *tenants.Master {
	var master *tenants.Master
	var err error
	if env.Kind == tenantstest.SQLite {
		master, err = sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: filepath.Join(env.Dir, "master.db")})
	} else {
		master, err = postgres.OpenMaster(t.Context(), postgres.MasterConfig{URL: env.MasterURL})
	}
	if err != nil {
		t.Fatal(err)
	}
	return master
}
