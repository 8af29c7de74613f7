// Package exports backs up tenants on Postgres: as portable files, on a schedule, those that were written.
//
// A tenant that isn't written costs nothing but its part of one query for all databases of a server, now and then.
//
//	exports.go  writes and stores a file
//	objects.go  names the files in the bucket, and removes those that are no longer needed
//	sweep.go    finds what other processes have written
//	restore.go  brings a file back, and checks it; recover.go makes a database of it
//	master.go   does all of this for a master on Postgres
package exports

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/bucket"
	"tenantry/tenants/portable"
)

// Options configure Exports. Those without a default are required.
type Options struct {
	// Master has the tenants, and what is known of their backups.
	Master *tenants.Master
	// Engine returns the engine of a server.
	Engine func(server string) (tenants.Engine, error)
	// Bucket is where backups are stored.
	Bucket bucket.Bucket
	// Scratch makes a folder for a file, and returns what removes it.
	Scratch func() (dir string, remove func() error, err error)
	// Files writes and opens portable files of Schema, which is that of the tenants' databases.
	Files  portable.Files
	Schema tenants.Schema
	// MasterFiles writes and opens the files of a master on Postgres. It may be nil if there is none.
	MasterFiles portable.Files
	// Interval is the age at which a commit must be backed up. Defaults to an hour.
	Interval time.Duration
	// Keep is for how long backups are kept. Defaults to 30 days.
	Keep time.Duration
	// Workers is how many tenants are backed up at once. Defaults to 2.
	Workers int
	// Log gets failures. Defaults to slog.Default().
	Log *slog.Logger
	// Interrupt is called with the name of each point of a backup, for tests that end the process there. It may be nil.
	Interrupt func(point string)
}

// Exports backs up tenants: those that are marked in its Queue. It is safe for concurrent use, also with other processes.
type Exports struct {
	*queue.Queue
	// MasterBackup says how the backup of the master stands that RunMaster makes.
	MasterBackup *queue.Single

	o Options
}

// New returns Exports, which store nothing until Run or Store is called.
func New(o Options) *Exports {
	o.Interval, o.Keep, o.Workers = cmp.Or(o.Interval, time.Hour), cmp.Or(o.Keep, 30*24*time.Hour), cmp.Or(o.Workers, 2)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Interrupt == nil {
		o.Interrupt = func(string) {}
	}
	e := &Exports{o: o, MasterBackup: queue.NewSingle(o.Interval)}
	e.Queue = queue.New(queue.Options{Interval: o.Interval, Workers: o.Workers, Store: e.store, Log: o.Log})
	return e
}

// CanExport reports whether tenants on the server are backed up here. Returns an error if the server can't be opened.
func (e *Exports) CanExport(server string) (bool, error) {
	_, err := e.exporter(server)
	if errors.Is(err, backup.ErrOtherEngine) {
		return false, nil
	}
	return err == nil, err
}

func (e *Exports) exporter(server string) (tenants.Exporter, error) {
	engine, err := e.o.Engine(server)
	if err != nil {
		return nil, err
	}
	exporter, ok := engine.(tenants.Exporter)
	if !ok {
		return nil, backup.ErrOtherEngine
	}
	return exporter, nil
}

// clockDifference is the largest difference between the clocks of processes with which the same commit isn't backed up twice.
const clockDifference = 10 * time.Second

// ErrUnsettled means that a tenant isn't backed up now, because an operation works on it.
var ErrUnsettled = errors.New("an operation works on the tenant")

// store backs up a tenant, unless a process has done so after the time. One that has no database needs no backup.
func (e *Exports) store(ctx context.Context, t *tenants.Tenant, since time.Time) error {
	t, known, err := e.read(ctx, t.ID)
	switch {
	case err != nil || t.State == tenants.StatePurged || t.State == tenants.StateProvisioning:
		return err
	case !t.State.IsSettled():
		return ErrUnsettled
	}
	if known.Bucket == e.o.Bucket.String() && known.At.After(since.Add(clockDifference)) {
		return nil
	}
	exporter, err := e.exporter(t.Server)
	if errors.Is(err, backup.ErrOtherEngine) {
		return nil
	}
	if err != nil {
		return err
	}
	sign, err := exporter.Sign(ctx, t) // before the snapshot, so that what is committed meanwhile changes it
	if err != nil {
		return err
	}
	next := tenants.Export{TenantID: t.ID, Bucket: e.o.Bucket.String(), Sign: sign}
	if err := e.export(ctx, exporter, t, known, &next); err != nil {
		return err
	}
	e.o.Interrupt("backup: tidied")
	return e.o.Master.Update(ctx, func(tx *gorm.DB) error { return tx.Save(&next).Error })
}

// read returns the tenant as it is now, and its last backup, which has no bucket if there is none.
func (e *Exports) read(ctx context.Context, id string) (t *tenants.Tenant, known tenants.Export, err error) {
	t = &tenants.Tenant{State: tenants.StatePurged} // if the row is gone
	err = e.o.Master.View(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", id).Limit(1).Find(t).Error; err != nil {
			return err
		}
		return tx.Where("tenant_id = ?", id).Limit(1).Find(&known).Error
	})
	return t, known, err
}

// export writes a file and stores it, unless the rows are those of the backup that is known. It completes next.
func (e *Exports) export(ctx context.Context, exporter tenants.Exporter, t *tenants.Tenant, known tenants.Export, next *tenants.Export) (err error) {
	dir, remove, err := e.o.Scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	path := filepath.Join(dir, "export.db")
	about, err := e.write(ctx, exporter, t, path)
	if err != nil {
		return err
	}
	e.o.Interrupt("backup: written")
	next.At = about.ExportedAt
	if next.Content, err = contentOf(about); err != nil || next.Content == known.Content && next.Bucket == known.Bucket {
		return err
	}
	if err := e.put(ctx, keyOf(t.ID, next.At), path); err != nil {
		return err
	}
	e.o.Interrupt("backup: stored")
	return e.tidy(ctx, t.ID)
}

// write writes a file of the tenant, with everything that lets people sign in.
func (e *Exports) write(ctx context.Context, exporter tenants.Exporter, t *tenants.Tenant, path string) (a portable.About, err error) {
	if err := e.checkRoom(ctx, exporter, t, filepath.Dir(path)); err != nil {
		return a, err
	}
	from, err := exporter.ReadLast(ctx, t)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	a = portable.About{ExportedAt: justAfter(time.Now()), Subdomain: t.Subdomain, Name: t.Name, Settings: t.Settings.String(), Credentials: true}
	return portable.Write(ctx, e.o.Files, path, from, a, portable.Options{Schema: e.o.Schema, Progress: func(done, _ int) {
		if done == 1 {
			e.o.Interrupt("backup: writing")
		}
	}})
}

// justAfter returns the time of a snapshot that was taken before a time: what is restored to it has nothing that was committed
// later.
func justAfter(at time.Time) time.Time {
	return at.UTC().Truncate(time.Millisecond).Add(time.Millisecond)
}

// checkRoom returns tenants.ErrFull if the folder's disk has no room for a file of the tenant, of which it knows only roughly
// how large it becomes.
func (e *Exports) checkRoom(ctx context.Context, exporter tenants.Exporter, t *tenants.Tenant, dir string) error {
	sizer, ok := exporter.(tenants.Sizer)
	free, known := e.o.Files.Free(dir)
	if !ok || !known {
		return nil
	}
	size, err := sizer.Size(ctx, t)
	if err == nil && free < size {
		err = fmt.Errorf("%w: the backup needs about %d MiB in the data folder, and its disk has %d MiB free", tenants.ErrFull, size>>20, free>>20)
	}
	return err
}

// contentOf returns a hash of what a file says about its rows.
func contentOf(a portable.About) (string, error) {
	text, err := json.Marshal(struct {
		Version int64
		Tables  []portable.Sum
	}{a.SchemaVersion, a.Tables})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

func (e *Exports) put(ctx context.Context, key, path string) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return e.o.Bucket.Put(ctx, key, sending{file, e.o.Interrupt})
}

// sending is a file that is being sent.
type sending struct {
	io.Reader
	interrupt func(point string)
}

// Read reads a part.
func (s sending) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.interrupt("backup: sending")
	return n, err
}
