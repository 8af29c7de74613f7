package postgres

import (
	"database/sql"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/pgproxy"
)

// proxied is an engine behind a proxy, and a tenant's database that was used a moment ago.
func proxied(t *testing.T) (*Engine, *pgproxy.Proxy, *sql.DB) {
	t.Helper()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	e := newEngine(t, configAt(t, proxy.Through(pgcluster.URL(t))))
	e.server.hosts.watch.interval, e.server.hosts.watch.reach = 10*time.Millisecond, time.Second
	db := opened(t, e, made(t, e)).Write
	if _, err := db.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Release) // so that the tenant can be dropped
	return e, proxy, db
}

// TestSlowStatementIsNotSilence: the server answers others meanwhile.
func TestSlowStatementIsNotSilence(t *testing.T) {
	t.Parallel()
	e, _, db := proxied(t)
	e.server.hosts.watch.reach = patience // the machine may be slow
	if _, err := db.ExecContext(t.Context(), "SELECT pg_sleep(0.5)"); err != nil {
		t.Error(err)
	}
}

// TestServerThatFallsSilentAmidAStatement breaks it, and is down.
func TestServerThatFallsSilentAmidAStatement(t *testing.T) {
	t.Parallel()
	_, proxy, db := proxied(t)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	proxy.Swallow()
	_, err = tx.ExecContext(t.Context(), "SELECT 1")
	wantError(t, "statement", err, tenants.ErrServerDown)
	proxy.Release()
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestConnectionIsLostAMomentAfterItsUse: the next transaction takes another one.
func TestConnectionIsLostAMomentAfterItsUse(t *testing.T) {
	t.Parallel()
	e, proxy, db := proxied(t)
	proxy.Lose()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if e.server.hosts.doubted.Load() {
		t.Error("the server is still doubted, although it has accepted a connection")
	}
}
