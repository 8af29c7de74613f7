package exports_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/postgres"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// change changes a row of the master that a recovery must bring back.
func (w *world) change(t *testing.T, name string) {
	t.Helper()
	must(t, w.env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("id = ?", w.tenant.ID).Update("name", name).Error
	}))
}

// masters is the number of the master's backups.
func (w *world) masters(t *testing.T) int {
	t.Helper()
	_, count, err := w.Points(t.Context(), backup.MasterID, 1000)
	must(t, err)
	return count
}

// recoverMaster recovers the master into a database, and returns the tenant's name.
func (w *world) recoverMaster(t *testing.T, url string, at time.Time) (name string, err error) {
	t.Helper()
	_, err = w.RestoreMaster(t.Context(), at, func(version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
		return postgres.LoadMaster(t.Context(), postgres.MasterConfig{URL: url}, version, fill)
	})
	if err != nil {
		return "", err
	}
	master, err := postgres.OpenMaster(t.Context(), postgres.MasterConfig{URL: url})
	must(t, err)
	var found tenants.Tenant
	must(t, master.View(t.Context(), func(tx *gorm.DB) error { return tx.Take(&found, "id = ?", w.tenant.ID).Error }))
	if len(found.Credentials) == 0 {
		t.Error("the tenant has lost its credentials")
	}
	return found.Name, master.Close()
}

// TestMasterIsExported: a change of the master is stored once, what processes write all the time isn't, and each state comes back
// in an empty database.
func TestMasterIsExported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.StoreMaster(t.Context()))
	w.change(t, "First")
	must(t, w.StoreMaster(t.Context()))
	first := time.Now()
	must(t, w.env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tenants.SetDue(tx, time.Now(), w.tenant.ID), tx.Model(&tenants.Instance{}).Where("true").Update("expires_at", time.Now().Add(time.Hour)).Error)
	}))
	must(t, w.process().StoreMaster(t.Context()))
	if got := w.masters(t); got != 2 {
		t.Errorf("%d backups of two states", got)
	}
	w.change(t, "Second")
	must(t, w.StoreMaster(t.Context()))
	for want, at := range map[string]time.Time{"First": first, "Second": {}} {
		if got, err := w.recoverMaster(t, pgcluster.Database(t), at); got != want || err != nil {
			t.Errorf("the tenant's name is %q, %v; want %s", got, err, want)
		}
	}
	if _, err := w.recoverMaster(t, pgcluster.Database(t), first.Add(-time.Hour)); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("before the first backup: %v", err)
	}
	w.expectClean(t)
}

// TestRunMaster: while RunMaster runs, what has changed is stored, whatever the bucket does now and then; what hasn't isn't.
func TestRunMaster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.RunMaster(ctx); close(ended) }()
	survey := func() (s backup.Survey) {
		must(t, w.SurveyMaster(t.Context(), &s))
		return s
	}
	wait.Until(t, "the first backup", func() bool { return survey().Master != nil })
	w.bucket.fail(1, errors.New("refused"))
	w.change(t, "New")
	changed := time.Now()
	wait.Until(t, "it to be tried", func() bool { return w.bucket.failures() > 0 }) // what was made without the change has ended
	first, stored := *survey().Master, w.masters(t)
	wait.Until(t, "it to be late", func() bool { return survey().Late })
	wait.Until(t, "the server to know, and why", func() bool { late := w.MasterBackup.Late(); return late != nil && late.Err != nil })
	tried := w.bucket.failures()
	wait.Until(t, "it to be tried again", func() bool { return w.bucket.failures() > tried })
	if got := survey(); !got.Master.Equal(first) || w.masters(t) != stored {
		t.Errorf("a backup that failed is taken for one: it was at %v and is at %v", first, got.Master)
	}
	w.bucket.fail(0, nil)
	wait.Until(t, "the change to be stored", func() bool { return survey().Master.After(changed) && !survey().Late && w.MasterBackup.Late() == nil })
	stop()
	<-ended
	if got, err := w.recoverMaster(t, pgcluster.Database(t), time.Time{}); got != "New" || err != nil {
		t.Errorf("the tenant's name is %q, %v", got, err)
	}
}

// TestMasterIsRecoveredWholeOrNot: a database with a master stays as it is, and so does a database that a process uses; what an interruption leaves is
// recovered by the next try. A file of a newer program is refused.
func TestMasterIsRecoveredWholeOrNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change(t, "Kept")
	must(t, w.StoreMaster(t.Context()))
	if _, err := w.recoverMaster(t, w.env.MasterURL, time.Time{}); !errors.Is(err, postgres.ErrMasterThere) {
		t.Errorf("over a master: %v", err)
	}
	url := pgcluster.Database(t)
	broken := errors.New("broken")
	_, err := w.RestoreMaster(t.Context(), time.Time{}, func(version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
		return postgres.LoadMaster(t.Context(), postgres.MasterConfig{URL: url}, version, func(ctx context.Context, into tenants.RowWriter) error {
			return errors.Join(fill(ctx, into), broken)
		})
	})
	if !errors.Is(err, broken) {
		t.Errorf("interrupted: %v", err)
	}
	if has, err := postgres.HasMaster(t.Context(), postgres.MasterConfig{URL: url}); has || err != nil {
		t.Errorf("an interrupted recovery is taken for a master: %v", err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { must(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	execute := func(statement string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
	execute("INSERT INTO instances (id, name, started_at, expires_at) VALUES (repeat('a', 26), 'x', now(), now() + interval '1 hour')")
	if _, err := w.recoverMaster(t, url, time.Time{}); !errors.Is(err, postgres.ErrMasterUsed) {
		t.Errorf("beside a process: %v", err)
	}
	execute("UPDATE instances SET expires_at = now()")
	if got, err := w.recoverMaster(t, url, time.Time{}); got != "Kept" || err != nil {
		t.Errorf("the tenant's name is %q, %v", got, err)
	}
	w.expectClean(t)
}

// TestForeignMasters: what isn't a master of this program, or is one of a newer program, is refused with the reason, and leaves
// nothing.
func TestForeignMasters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.StoreMaster(t.Context()))
	must(t, w.Store(t.Context(), w.tenant))
	url := pgcluster.Database(t)
	path := filepath.Join(t.TempDir(), "x.db")
	for name, content := range map[string]func() []byte{
		"a tenant's": func() []byte {
			_, err := w.Restore(t.Context(), w.tenant.ID, time.Time{}, path)
			must(t, err)
			content, err := os.ReadFile(path)
			must(t, err)
			return content
		},
		"text":  func() []byte { return []byte("not a database") },
		"empty": func() []byte { return nil },
	} {
		must(t, w.bucket.put(t.Context(), "master/portable/20991231T000000.000Z.db", content()))
		if got, err := w.recoverMaster(t, url, time.Time{}); err == nil {
			t.Errorf("%s: it is recovered as %q", name, got)
		}
	}
	if has, err := postgres.HasMaster(t.Context(), postgres.MasterConfig{URL: url}); has || err != nil {
		t.Errorf("something was recovered: %v", err)
	}
	w.expectClean(t)
}
