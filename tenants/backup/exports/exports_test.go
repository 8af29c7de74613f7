package exports_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/bucket"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// world is a tenant on Postgres, and a bucket with faults.
type world struct {
	*exports.Exports
	env     *tenantstest.Env
	tenant  *tenants.Tenant
	bucket  *faulty
	scratch string
	onRow   func() // is called after a row was read, if it is not nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{env: tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres}), scratch: t.TempDir()}
	w.tenant = w.env.Tenant(t, "acme")
	folder, err := bucket.OpenFolder(t.TempDir())
	must(t, err)
	w.bucket = &faulty{Bucket: folder}
	w.Exports = w.process()
	return w
}

// process returns the exports of another process.
func (w *world) process() *exports.Exports {
	return exports.New(exports.Options{
		Master: w.env.Store.Master(), Bucket: w.bucket, Files: sqlite.Files{Schema: notes.Schema()}, Schema: notes.Schema(),
		MasterFiles: sqlite.Files{Schema: tenants.MasterSchema()},
		Interval:    40 * time.Millisecond, Scratch: w.makeScratch,
		Engine: func(server string) (tenants.Engine, error) {
			engine, err := w.env.Store.Server(server)
			if exporter, ok := engine.(tenants.Exporter); ok {
				return watched{exporter, w}, err
			}
			return engine, err
		},
	})
}

func (w *world) makeScratch() (string, func() error, error) {
	dir, err := os.MkdirTemp(w.scratch, "x")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// watched tells the world of each row that is read.
type watched struct {
	tenants.Exporter
	w *world
}

func (e watched) ReadLast(ctx context.Context, t *tenants.Tenant) (tenants.RowReader, error) {
	r, err := e.Exporter.ReadLast(ctx, t)
	return watchedReader{r, e.w}, err
}

type watchedReader struct {
	tenants.RowReader
	w *world
}

func (r watchedReader) Read(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return r.RowReader.Read(ctx, table, func(row []tenants.Value) error {
		if r.w.onRow != nil {
			r.w.onRow()
		}
		return f(row)
	})
}

// faulty is a bucket whose Put fails, after it has read a part.
type faulty struct {
	bucket.Bucket

	mu     sync.Mutex // protects the fields below
	after  int64      // how much is read before; nothing fails if it is 0
	err    error
	failed int // how many have failed
}

// fail has Put fail after it has read so many bytes, or not if that is 0.
func (f *faulty) fail(after int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.err = after, err
}

func (f *faulty) Put(ctx context.Context, key string, r io.Reader) error {
	f.mu.Lock()
	after, err := f.after, f.err
	if after > 0 {
		f.failed++
	}
	f.mu.Unlock()
	if after > 0 {
		_, _ = io.CopyN(io.Discard, r, after)
		return err
	}
	return f.Bucket.Put(ctx, key, r)
}

// failures returns how many Puts have failed, or are about to.
func (f *faulty) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// put stores content without faults.
func (f *faulty) put(ctx context.Context, key string, content []byte) error {
	return f.Bucket.Put(ctx, key, bytes.NewReader(content))
}

func (w *world) insert(t *testing.T, name string) {
	t.Helper()
	must(t, w.env.Store.Update(t.Context(), w.tenant, func(tx *gorm.DB) error {
		return tx.Create(&notes.Folder{Name: name}).Error
	}))
}

// points is the number of backups.
func (w *world) points(t *testing.T) int {
	t.Helper()
	_, count, err := w.Points(t.Context(), w.tenant.ID, 1000)
	must(t, err)
	return count
}

// expectClean fails if files were left behind.
func (w *world) expectClean(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(w.scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestFailedExportsLeaveNothing: a bucket that refuses, is full or breaks, a server that ends the session in the middle, and a
// caller who gives up leave no backup and no file; the next try makes one.
func TestFailedExportsLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.insert(t, "first")
	w.insert(t, "second")
	admin, err := pgx.Connect(t.Context(), w.env.MasterURL)
	must(t, err)
	defer func() { must(t, admin.Close(context.WithoutCancel(t.Context()))) }()
	ctx, cancel := context.WithCancel(t.Context())
	for name, fault := range map[string]struct {
		begin func()
		want  error
	}{
		"refuses":  {func() { w.bucket.fail(1, bucket.ErrUnavailable) }, bucket.ErrUnavailable},
		"is full":  {func() { w.bucket.fail(10_000, bucket.ErrFull) }, bucket.ErrFull},
		"gives up": {func() { w.onRow = cancel }, context.Canceled},
		"ends":     {func() { w.onRow = func() { terminate(t, admin, w.tenant.Database) } }, tenants.ErrUnavailable},
	} {
		w.bucket.fail(0, nil)
		w.onRow = nil
		fault.begin()
		on := t.Context()
		if name == "gives up" {
			on = ctx
		}
		if err := w.Store(on, w.tenant); !errors.Is(err, fault.want) {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.points(t); got != 0 {
			t.Errorf("%s: %d backups", name, got)
		}
		w.expectClean(t)
	}
	w.bucket.fail(0, nil)
	w.onRow = nil
	must(t, w.Store(t.Context(), w.tenant))
	if _, err := w.Verify(t.Context(), w.tenant); err != nil || w.points(t) != 1 {
		t.Errorf("%d backups, %v", w.points(t), err)
	}
	w.expectClean(t)
}

func terminate(t *testing.T, admin *pgx.Conn, database string) {
	t.Helper()
	_, err := admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", database)
	must(t, err)
}

// TestRunExportsCommits marks commits while Run works, on a bucket that fails now and then: all of them are stored.
func TestRunExportsCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	for i := range 20 {
		w.insert(t, fmt.Sprint("folder ", i))
		w.Committed(w.tenant)
	}
	wait.For(t, "all to be stored", w.Status, func(s queue.Status) bool { return s.Waiting == 0 })
	stop()
	<-ended
	if got := w.folders(t, time.Time{}); got != 20 {
		t.Errorf("%d folders of 20 are backed up", got)
	}
}

// folders returns how many folders the backup has that was made last before a time.
func (w *world) folders(t *testing.T, at time.Time) (count int) {
	t.Helper()
	path := t.TempDir() + "/restored.db"
	_, err := w.Restore(t.Context(), w.tenant.ID, at, path)
	must(t, err)
	r, err := sqlite.Files{Schema: notes.Schema()}.Open(t.Context(), path)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	for _, table := range r.Tables() {
		if table.Name == "folders" {
			must(t, r.Read(t.Context(), table, func([]tenants.Value) error { count++; return nil }))
		}
	}
	return count
}

// TestSameRowsAreStoredOnce: a backup of what is stored already stores nothing, in another process too, and one of what has
// changed does.
func TestSameRowsAreStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, want := range []int{1, 1, 2, 2} {
		if i == 2 {
			w.insert(t, "new")
		}
		must(t, w.process().Store(t.Context(), w.tenant))
		if got := w.points(t); got != want {
			t.Errorf("backup %d: there are %d, want %d", i, got, want)
		}
	}
	if _, err := w.Newest(t.Context(), w.tenant.ID, time.Now().Add(-time.Hour)); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("before the first backup: %v", err)
	}
}

// TestUnsettledTenantIsNotExported: a tenant on which an operation works is not called backed up, and a tenant whose data was removed needs
// no backup.
func TestUnsettledTenantIsNotExported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for state, want := range map[tenants.State]error{tenants.StateMaintenance: exports.ErrUnsettled, tenants.StatePurged: nil} {
		must(t, w.env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Tenant{}).Where("id = ?", w.tenant.ID).Update("state", state).Error
		}))
		if err := w.Store(t.Context(), w.tenant); !errors.Is(err, want) || w.points(t) != 0 {
			t.Errorf("%s: %v, and %d backups", state, err, w.points(t))
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
