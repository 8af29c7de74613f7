package alerts_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/alerts"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

// watch is what is looked at.
type watch struct {
	*alerts.Watch
	recorder *traffic.Recorder
}

func newWatch(env *tenantstest.Env) watch {
	r := traffic.New(traffic.DefaultTenants, time.Now)
	return watch{alerts.New(env.Store, traffic.NewArchive(r, env.Store.Master()), nil), r}
}

// only returns the alerts, without that of the disk of the machine that tests.
func (w watch) only(t *testing.T) (all []alerts.Alert) {
	t.Helper()
	found, counts := w.Check(t.Context())
	for _, a := range found {
		if a.Detail == "" || a.Remedy == "" || counts[a.Kind] == 0 {
			t.Errorf("%+v, of %d", a, counts[a.Kind])
		}
		if a.Kind != alerts.DiskNearlyFull {
			all = append(all, a)
		}
	}
	if len(counts) != len(alerts.Kinds()) {
		t.Errorf("%v", counts)
	}
	return all
}

// expect checks that there is exactly one alert.
func (w watch) expect(t *testing.T, kind alerts.Kind, subject, detail string) {
	t.Helper()
	got := w.only(t)
	if len(got) != 1 || got[0].Kind != kind || got[0].Subject != subject || !strings.Contains(got[0].Detail, detail) {
		t.Errorf("%+v; want %s of %q with %q", got, kind, subject, detail)
	}
}

// TestAlerts makes one thing after another go wrong, and right again.
func TestAlerts(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 1}, func(t *testing.T, env *tenantstest.Env) {
		w := newWatch(env)
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		if got := w.only(t); len(got) > 0 {
			t.Errorf("while all is well: %+v", got)
		}
		request := func(failed bool, n int) {
			for range n {
				w.recorder.Record(traffic.Request{TenantID: acme.ID, Failed: failed, Took: time.Millisecond})
				w.recorder.Record(traffic.Request{TenantID: "gone", Failed: true})
			}
		}
		request(true, 9)
		if got := w.only(t); len(got) > 0 {
			t.Errorf("after a few failures: %+v", got)
		}
		request(true, 1)
		w.expect(t, alerts.TenantFailing, "acme", "10 of 10 requests failed")
		request(false, 11)
		w.expectHandles(t, env, acme, globex)
		w.expectOperation(t, env, acme)
		w.expectJobs(t, env, acme)
		if got := w.only(t); len(got) > 0 {
			t.Errorf("when all is well again: %+v", got)
		}
	})
}

// expectHandles lets one tenant wait for the other's handle.
func (w watch) expectHandles(t *testing.T, env *tenantstest.Env, uses, waits *tenants.Tenant) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	err := env.Store.View(t.Context(), uses, func(*gorm.DB) error {
		go func() { waited <- env.Store.View(ctx, waits, func(*gorm.DB) error { return nil }) }()
		for env.Store.Load().Waiting == 0 {
			if len(waited) > 0 {
				t.Fatal(<-waited)
			}
		}
		w.expect(t, alerts.HandlesUsedUp, "", "wait for one of 1 open databases: 1")
		return nil
	})
	cancel()
	<-waited
	if err != nil {
		t.Error(err)
	}
}

// expectOperation lets an operation stand still.
func (w watch) expectOperation(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	change := func(column string, value any) {
		t.Helper()
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Operation{}).Where("tenant_id = ?", tenant.ID).UpdateColumn(column, value).Error
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change("finished_at", nil)
	if got := w.only(t); len(got) > 0 {
		t.Errorf("while an operation is under way: %+v", got)
	}
	change("updated_at", time.Now().UTC().Add(-time.Hour))
	w.expect(t, alerts.OperationStuck, tenant.Subdomain, "has not finished")
	change("updated_at", time.Now().UTC())
	change("attempts", 5)
	change("error", "no room")
	w.expect(t, alerts.OperationStuck, tenant.Subdomain, "5 attempts")
	change("finished_at", time.Now().UTC())
}

// expectJobs lets jobs wait: of the tenant, then older ones without tenant. While the tenant isn't active its own don't count, nor do
// those whose time hasn't come.
func (w watch) expectJobs(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	change := func(f func(tx *gorm.DB) error) {
		t.Helper()
		if err := env.Store.Master().Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	oldest := func(subdomain string, age time.Duration) {
		t.Helper()
		got, err := env.Store.Master().OldestDue(t.Context())
		if err != nil || got.Subdomain != subdomain || got.Age < age || got.Age > age+time.Minute {
			t.Errorf("oldest due: %+v, %v, want %q, %v", got, err, subdomain, age)
		}
	}
	ago := func(age time.Duration) time.Time { return time.Now().UTC().Add(-age) }
	oldest("", 0)
	change(func(tx *gorm.DB) error { return tenants.SetDue(tx, ago(-time.Hour), tenant.ID) })
	oldest("", 0)
	change(func(tx *gorm.DB) error { return tenants.SetDue(tx, ago(time.Hour), tenant.ID) })
	oldest("acme", time.Hour)
	w.expect(t, alerts.JobsLate, "acme", "due for 1h0m")
	state := func(s tenants.State) {
		change(func(tx *gorm.DB) error { return tx.Model(tenant).UpdateColumn("state", s).Error })
	}
	state(tenants.StateSuspended)
	oldest("", 0)
	state(tenants.StateActive)
	at := ago(2 * time.Hour)
	job := jobs.Row{ID: strings.ToLower(ulid.Make().String()), Kind: "x", State: jobs.Available, ScheduledAt: at, CreatedAt: at, UpdatedAt: at}
	change(func(tx *gorm.DB) error { return tx.Create(&job).Error })
	oldest("", 2*time.Hour)
	w.expect(t, alerts.JobsLate, "", "due for 2h0m")
	change(func(tx *gorm.DB) error { return tx.Model(&job).Update("state", jobs.Discarded).Error })
	oldest("acme", time.Hour)
	change(func(tx *gorm.DB) error { return tx.Delete(&tenants.Due{}, "tenant_id = ?", tenant.ID).Error })
}

// TestAlertsOfAServerThatIsDown: the only tenant can't be opened.
func TestAlertsOfAServerThatIsDown(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		w := newWatch(env)
		acme := env.Tenant(t, "acme")
		if err := env.Engine.Trash(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if err := env.Store.View(t.Context(), acme, func(*gorm.DB) error { return nil }); !errors.Is(err, tenants.ErrUnavailable) {
			t.Fatal(err)
		}
		got := w.only(t)
		if len(got) != 2 || got[0].Kind != alerts.ServerDown || got[0].Subject != "default" || got[1].Kind != alerts.TenantUnreachable {
			t.Errorf("%+v", got)
		}
		if err := env.Engine.Untrash(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if got := w.only(t); len(got) > 1 { // looking at the server has opened the tenant
			t.Errorf("%+v", got)
		}
		if got := w.only(t); len(got) > 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestAlertsOfUsedUpConnections: a scope waits for the only connection, which another tenant's uses.
func TestAlertsOfUsedUpConnections(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, InstanceTTL: time.Hour})
	w := newWatch(env)
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	err := env.Store.View(t.Context(), acme, func(*gorm.DB) error {
		env.Engine.(tenants.Divided).LimitConnections(1)
		if got := w.only(t); len(got) > 0 {
			t.Errorf("while nothing waits: %+v", got)
		}
		go func() { waited <- env.Store.View(ctx, globex, func(*gorm.DB) error { return nil }) }()
		for env.Engine.(tenants.Budgeted).Connections().Waiting == 0 {
			if len(waited) > 0 {
				t.Fatal(<-waited)
			}
		}
		w.expect(t, alerts.ConnectionsUsedUp, tenants.DefaultServer, "1 wait for one of 1 connections")
		return nil
	})
	cancel()
	<-waited
	if err != nil {
		t.Error(err)
	}
	if got := w.only(t); len(got) > 0 {
		t.Errorf("when nothing waits any more: %+v", got)
	}
}

// disk is an engine on a disk of a given size.
type disk struct {
	tenants.Engine
	free, total int64
	err         error
}

func (disk) SizeSQL() string { return "SELECT 0" }

func (d disk) Free() (free, total int64, err error) { return d.free, d.total, d.err }

// TestAlertsOfANearlyFullDisk: less than a tenth is free, and less than 20 GB.
func TestAlertsOfANearlyFullDisk(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	for name, test := range map[string]struct {
		disk
		detail string // of the alert, or empty for none
	}{
		"a twentieth": {disk{free: 5 * gb, total: 100 * gb}, "5368 MB left of 107374 MB"},
		"a tenth":     {disk{free: 10 * gb, total: 100 * gb}, ""},
		"large":       {disk{free: 21 * gb, total: 1000 * gb}, ""},
		"large, full": {disk{free: 19 * gb, total: 1000 * gb}, "20401 MB left"},
		"full":        {disk{free: 0, total: 100 * gb}, "0 MB left"},
		"not known":   {disk{}, ""},
		"unmeasured":  {disk{free: 1, total: 100 * gb, err: errors.New("no answer")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Wrap: func(e tenants.Engine) tenants.Engine {
				return disk{e, test.free, test.total, test.err}
			}})
			all, counts := newWatch(env).Check(t.Context())
			switch {
			case test.detail == "" && len(all) > 0:
				t.Errorf("%+v", all)
			case test.detail != "" && (len(all) != 1 || all[0].Kind != alerts.DiskNearlyFull || all[0].Subject != tenants.DefaultServer ||
				!strings.Contains(all[0].Detail, test.detail) || counts[alerts.DiskNearlyFull] != 1):
				t.Errorf("%+v, %v; want %q", all, counts, test.detail)
			}
		})
	}
}

// TestAlertsOfTheMastersBackup tells of a master that isn't backed up, and why, until it is.
func TestAlertsOfTheMastersBackup(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.SQLite})
	single := queue.NewSingle(time.Minute)
	r := traffic.New(traffic.DefaultTenants, time.Now)
	w := watch{alerts.New(env.Store, traffic.NewArchive(r, env.Store.Master()), nil, single), r}
	single.Waits(time.Now())
	single.Done(errors.New("the storage refuses"))
	if got := w.only(t); len(got) != 0 {
		t.Errorf("a change of now: %+v", got)
	}
	single.Done(nil)
	single.Waits(time.Now().Add(-time.Hour))
	single.Waits(time.Now())
	w.expect(t, alerts.BackupLate, "", "1h0m0s")
	single.Done(errors.New("the storage refuses"))
	w.expect(t, alerts.BackupLate, "", "master")
	w.expect(t, alerts.BackupLate, "", "the storage refuses")
	single.Done(nil)
	if got := w.only(t); len(got) != 0 {
		t.Errorf("stored: %+v", got)
	}
}

// TestAlertsOfLateBackups tells of commits that wait for their backup, and why, until they are backed up.
func TestAlertsOfLateBackups(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.SQLite})
	refused := errors.New("the storage refuses")
	failure := refused
	q := queue.New(queue.Options{
		Interval: time.Minute, Workers: 1, Log: slog.New(slog.DiscardHandler),
		Store: func(context.Context, *tenants.Tenant, time.Time) error { return failure },
	})
	r := traffic.New(traffic.DefaultTenants, time.Now)
	w := watch{alerts.New(env.Store, traffic.NewArchive(r, env.Store.Master()), nil, q), r}
	acme := &tenants.Tenant{ID: "1", Subdomain: "acme"}
	q.Committed(acme)
	if got := w.only(t); len(got) != 0 {
		t.Errorf("a commit of now: %+v", got)
	}
	q.Mark(&tenants.Tenant{ID: "2", Subdomain: "globex"}, time.Now().Add(-time.Hour))
	if err := q.Flush(t.Context()); !errors.Is(err, refused) {
		t.Errorf("flush: %v", err)
	}
	w.expect(t, alerts.BackupLate, "", "globex")
	w.expect(t, alerts.BackupLate, "", refused.Error())
	failure = nil
	if err := q.Flush(t.Context()); err != nil || len(w.only(t)) != 0 {
		t.Errorf("stored: %v, %+v", err, w.only(t))
	}
}
