package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// sessions are those that PgBouncer has on the server.
const sessions = 20

// pooled are tenants in schemas of one database, whose scopes connect over PgBouncer.
type pooled struct {
	*schemas
	bouncer *pgcluster.Bouncer
	store   *tenants.Store
	all     []*marked
}

// marked is a tenant with the number of its scopes whose rows are stored, and of those of which that isn't known.
type marked struct {
	*tenants.Tenant
	stored, unknown atomic.Int64
}

// overBouncer makes n tenants on a server of the test's own, behind PgBouncer.
func overBouncer(t *testing.T, n int) *pooled {
	t.Helper()
	cluster := pgcluster.New(t)
	bouncer := pgcluster.NewBouncer(t, cluster.URL(), sessions)
	for _, name := range []string{"small", "master"} {
		if err := attempt(t, parsed(t, cluster.URL()), "postgres", "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
	}
	c := configAt(t, strings.Replace(cluster.URL(), "/postgres?", "/small?", 1))
	c.Placement, c.Pooler, c.MaxConns = tenants.PlacementSchema, bouncer.URL("small"), 2*sessions
	c.TenantConns = sessions // so that any tenants can use all sessions at once
	e := newEngine(t, c)
	p := &pooled{schemas: e.layout.(*schemas), bouncer: bouncer}
	if err := e.TryPooler(t.Context()); !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), p.logins.User) {
		t.Errorf("before the pooler runs: %v", err)
	}
	bouncer.Start(p.logins.User)
	if err := e.TryPooler(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for i := range n {
		p.add(t, i)
	}
	t.Logf("%d tenants made in %v", n, time.Since(begun).Round(time.Millisecond))
	p.open(t, openMaster(t, strings.Replace(cluster.URL(), "/postgres?", "/master?", 1)))
	return p
}

func (p *pooled) add(t *testing.T, i int) {
	t.Helper()
	id := strings.ToLower(ulid.Make().String())
	tenant := &tenants.Tenant{
		ID: id, Subdomain: fmt.Sprintf("t%d", i), Database: p.DatabaseName(id), Epoch: 1, State: tenants.StateActive, Server: tenants.DefaultServer,
		SchemaVersion: p.SchemaVersion(), CreatedBy: "operator",
	}
	if err := p.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	p.all = append(p.all, &marked{Tenant: tenant})
}

// open opens a store on the tenants. Each statement has a time limit, so that scopes set it.
func (p *pooled) open(t *testing.T, master *tenants.Master) {
	t.Helper()
	err := master.Update(t.Context(), func(tx *gorm.DB) error {
		for _, tenant := range p.all {
			if err := tx.Create(tenant.Tenant).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.store, err = tenants.New(t.Context(), tenants.Options{
		Master: master, Servers: map[string]tenants.Engine{tenants.DefaultServer: p.Engine}, MaxOpen: len(p.all), Rest: time.Hour, Wait: patience,
		Limits: tenants.Limits{StatementTime: patience}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.store.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

// write stores a row that names the tenant, and ends the scope in one of several ways.
func (p *pooled) write(tenant *marked, name string, end func(cancel context.CancelFunc, tx *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.store.Update(ctx, tenant.Tenant, func(tx *gorm.DB) error {
		if err := tx.Create(&notes.Folder{Name: name, Remark: tenant.ID}).Error; err != nil {
			return err
		}
		return end(cancel, tx)
	})
}

func commits(context.CancelFunc, *gorm.DB) error { return nil }

// cancels ends the context in the midst of a statement.
func cancels(cancel context.CancelFunc, tx *gorm.DB) error {
	defer time.AfterFunc(5*time.Millisecond, cancel).Stop()
	return tx.Exec("SELECT pg_sleep(30)").Error
}

var errOnPurpose = errors.New("on purpose")

func panics(context.CancelFunc, *gorm.DB) error { panic(errOnPurpose) }

// tryPanic is write with a scope that panics.
func (p *pooled) tryPanic(t *testing.T, tenant *marked, name string) {
	defer func() {
		if reason := recover(); reason != nil && reason != errOnPurpose {
			t.Errorf("a scope panicked: %v", reason)
		}
	}()
	_ = p.write(tenant, name, panics) // before it panics, the pooler may have gone
}

// work does to tenants in turn what scopes do. It counts what is stored.
func (p *pooled) work(t *testing.T, worker, turns int, turned func()) {
	for turn := range turns {
		tenant, name := p.all[rand.N(len(p.all))], fmt.Sprintf("%d of worker %d", turn, worker)
		switch turn % 8 {
		case 3:
			if err := p.write(tenant, "cancelled "+name, cancels); err == nil {
				t.Error("a cancelled scope was committed")
			}
		case 5:
			p.tryPanic(t, tenant, "panicked "+name)
		case 1, 7:
			if err := again(func() error { return p.check(tenant) }); err != nil {
				t.Error(err)
			}
		default:
			switch err := again(func() error { return p.write(tenant, name, commits) }); {
			case err == nil:
				tenant.stored.Add(1)
			case errors.Is(err, tenants.ErrCommitUnknown):
				tenant.unknown.Add(1)
			default:
				t.Errorf("a write: %v", err)
			}
		}
		turned()
	}
}

// again calls do as a client does: once more while there is no database, unless it may have stored something.
func again(do func() error) error {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := do()
		if !errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrCommitUnknown) || time.Since(begun) > patience {
			return err
		}
	}
}

var errForeign = errors.New("a scope was another tenant's")

// check returns errForeign if a scope of the tenant sees another role, schema or row than the tenant's, or one of a scope that
// was not committed, or misses some of those that were.
func (p *pooled) check(tenant *marked) error {
	least := tenant.stored.Load()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.store.View(ctx, tenant.Tenant, func(tx *gorm.DB) error {
		var got struct {
			Place                string
			Rows, Foreign, Ended int64
		}
		err := tx.Raw(`SELECT current_user || ' ' || current_schema AS place, count(*) AS rows, count(*) FILTER (WHERE remark <> ?) AS foreign,
			count(*) FILTER (WHERE name ~ '^(cancelled|panicked)') AS ended FROM folders`, tenant.ID).Scan(&got).Error
		if err != nil {
			return err
		}
		if got.Place != p.roleOf(tenant.Database)+" "+tenant.Database || got.Foreign > 0 || got.Ended > 0 || got.Rows < least {
			return fmt.Errorf("%w: tenant %s, %d stored: %+v", errForeign, tenant.ID, least, got)
		}
		return nil
	})
}

// TestBehindPgBouncer runs scopes of many tenants at once over 20 connections of PgBouncer, which is restarted in the midst of
// them, and whose connections to the server are cut. No tenant sees or loses a row, and nothing is left in a session.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	n, turns := 24, 20
	if os.Getenv("TENANTRY_TEST_LONG") != "" {
		n, turns = 1000, 400
	}
	p := overBouncer(t, n)
	const workers = 32
	var done atomic.Int64
	restart, cut := make(chan struct{}), make(chan struct{})
	turned := func() {
		switch done.Add(1) {
		case int64(workers * turns / 3):
			close(restart)
		case int64(workers * turns * 2 / 3):
			close(cut)
		}
	}
	begun := time.Now()
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() { p.work(t, worker, turns, turned) })
	}
	<-restart
	p.bouncer.Restart()
	<-cut
	p.cut(t)
	working.Wait()
	t.Logf("%d scopes in %v", workers*turns, time.Since(begun).Round(time.Millisecond))
	p.wantAll(t)
	p.wantClean(t)
}

// cut ends the sessions that PgBouncer has on the server.
func (p *pooled) cut(t *testing.T) {
	t.Helper()
	var ended int
	err := p.admin.QueryRowContext(t.Context(), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1", p.logins.User).Scan(&ended)
	if err != nil || ended == 0 || ended > sessions {
		t.Errorf("cut %d sessions, want 1 to %d; %v", ended, sessions, err)
	}
}

// wantAll expects of each tenant the rows that were stored.
func (p *pooled) wantAll(t *testing.T) {
	t.Helper()
	var stored, unknown int64
	for _, tenant := range p.all {
		var rows int64
		err := again(func() error {
			return p.store.View(t.Context(), tenant.Tenant, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Count(&rows).Error })
		})
		err = errors.Join(err, p.check(tenant))
		if err != nil || rows > tenant.stored.Load()+tenant.unknown.Load() {
			t.Errorf("tenant %s has %d rows, of which %d were stored, %v", tenant.ID, rows, tenant.stored.Load(), err)
		}
		stored, unknown = stored+tenant.stored.Load(), unknown+tenant.unknown.Load()
	}
	t.Logf("%d writes are stored, and of %d it is not known", stored, unknown)
}

// wantClean looks into all of PgBouncer's sessions at once, as a client that is no scope, after each was a scope's.
func (p *pooled) wantClean(t *testing.T) {
	t.Helper()
	used := p.useAll(t)
	db := sql.OpenDB(connector{server: p.logins, database: "small", scoped: true})
	defer db.Close()
	want := fmt.Sprintf(`%[1]s | %[1]s | none | "" | 0 | off | off | 0 | 0 | 0`, p.logins.User)
	for range sessions {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		var pid int
		var left string
		err = tx.QueryRowContext(t.Context(), `SELECT pg_backend_pid(), concat_ws(' | ', current_user, session_user, current_setting('role'),
			current_setting('search_path'), current_setting('statement_timeout'), current_setting('transaction_read_only'),
			current_setting('default_transaction_read_only'), (SELECT count(*) FROM pg_prepared_statements),
			(SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'))`).Scan(&pid, &left)
		if err != nil {
			t.Fatal(err)
		}
		if left != want || !used[pid] {
			t.Fatalf("a session, which was a scope's: %v, has %s, want %s", used[pid], left, want)
		}
	}
}

// useAll runs as many scopes at once as PgBouncer has sessions, and returns these.
func (p *pooled) useAll(t *testing.T) map[int]bool {
	t.Helper()
	used := map[int]bool{}
	var mu sync.Mutex
	var all, running sync.WaitGroup
	all.Add(sessions)
	for _, tenant := range p.all[:sessions] {
		running.Go(func() {
			arrived := sync.OnceFunc(all.Done)
			defer arrived()
			err := p.write(tenant, "at once", func(_ context.CancelFunc, tx *gorm.DB) error {
				var pid int
				err := tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error
				mu.Lock()
				used[pid] = true
				mu.Unlock()
				arrived()
				all.Wait()
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	return used
}
