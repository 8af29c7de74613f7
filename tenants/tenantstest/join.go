package tenantstest

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/sqlite"
)

// address is what another process needs to join an Env.
type address struct {
	Of                                        Engine
	Dir, MasterURL, Installation, Prefix, Key string
}

// Address returns a text with which a process that the test starts can Join the Env. It has secrets of the test.
func (e *Env) Address(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(address{e.of, e.Dir, e.MasterURL, e.installation, e.prefix, e.key})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Join returns an Env on the master and the server of one in another process. It ignores Engine, Second, Alone and Prefix of o.
func Join(t testing.TB, text string, o Options) *Env {
	t.Helper()
	var a address
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	o = o.withDefaults()
	env := &Env{of: a.Of, Kind: a.Of.Dialect(), Placement: a.Of.placement(), Keys: parseKeys(t, a.Key), Dir: a.Dir, MasterURL: a.MasterURL, installation: a.Installation, prefix: a.Prefix, key: a.Key}
	var master *tenants.Master
	var err error
	if env.Kind == SQLite {
		master, err = sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: filepath.Join(a.Dir, "master.db"), Log: o.Log})
	} else {
		master, err = postgres.OpenMaster(t.Context(), postgres.MasterConfig{URL: a.MasterURL, Log: o.Log})
	}
	if err != nil {
		t.Fatal(err)
	}
	if env.Kind == SQLite {
		env.Engine = env.newSQLite(t, o)
	} else {
		env.Engine = env.newPostgres(t, o)
	}
	env.run(t, master, o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		report(t, env.Store.Close(ctx))
		report(t, env.Engine.Close())
		report(t, master.Close())
	})
	return env
}
