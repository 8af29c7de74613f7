package tenants_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
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
	eachPlacement(t, "", testBusyTellsWhenToComeBack)
}

func testBusyTellsWhenToComeBack(t *testing.T, engine tenantstest.Engine) {
	env := tenantstest.New(t, tenantstest.Options{Engine: engine, InstanceTTL: time.Hour})
	acme, globex, initech := env.Tenant(t, "acme"), env.Tenant(t, "globex"), env.Tenant(t, "initech")
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

func nothing(*gorm.DB) error { return nil }

// takeAllConnections gives the connections to an instance that lives for as long as the test.
func takeAllConnections(t *testing.T, env *tenantstest.Env) (release func()) {
	t.Helper()
	greedy := tenants.Instance{ID: "01greedy000000000000000000", Name: "greedy", StartedAt: time.Now(), ExpiresAt: time.Now(), TTL: time.Hour}
	share := tenants.ConnectionShare{InstanceID: greedy.ID, Server: tenants.DefaultServer, Granted: 16, Wanted: 16}
	master := env.Store.Master()
	must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return errors.Join(tx.Create(&greedy).Error, tx.Create(&share).Error) }))
	return func() {
		must(t, master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&greedy).Error }))
	}
}

// holdHandle keeps a handle in use.
func holdHandle(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (release func()) {
	t.Helper()
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- env.Store.View(t.Context(), tenant, func(*gorm.DB) error { close(held); <-free; return nil })
	}()
	<-held
	return func() { close(free); must(t, <-done) }
}

// lineWith returns the first line with the text.
func lineWith(r io.Reader, text string) string {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return lines.Text()
		}
	}
	return ""
}

// TestPatientScopesWait for what others have, and the log says for what; an error says it, too. On Postgres that is the
// server's connections, all of which another process has, and on SQLite the only handle.
func TestPatientScopesWait(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, MaxOpen: 1, InstanceTTL: 3 * time.Second}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		release := func() {}
		if env.Kind == tenantstest.Postgres {
			release = takeAllConnections(t, env)
		}
		log, written := io.Pipe()
		patient := env.Beside(t, tenantstest.Options{
			MaxOpen: 1, InstanceTTL: 3 * time.Second, Wait: time.Minute, Patient: true, Log: slog.New(slog.NewTextHandler(written, nil)),
		})
		hurried := env.Beside(t, tenantstest.Options{MaxOpen: 1, InstanceTTL: 3 * time.Second, Wait: time.Second}) // opening takes less
		if env.Kind == tenantstest.SQLite {
			defer holdHandle(t, hurried, globex)()
			release = holdHandle(t, patient, globex)
		}
		wants := map[tenantstest.Engine]string{tenantstest.Postgres: "other processes have all connections", tenantstest.SQLite: "all database handles"}
		if err := hurried.Store.View(t.Context(), acme, nothing); !errors.Is(err, tenants.ErrBusy) || !strings.Contains(err.Error(), wants[env.Kind]) {
			t.Errorf("an error that doesn't say what the scope waited for: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- patient.Store.View(t.Context(), acme, nothing) }()
		if line := lineWith(log, "waiting for"); !strings.Contains(line, wants[env.Kind]) {
			t.Errorf("the log says: %s", line)
		}
		go func() { _, _ = io.Copy(io.Discard, log) }()
		release()
		must(t, <-done)
	})
}
