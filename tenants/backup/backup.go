// Package backup backs up the databases of tenants on SQLite, a short time after each commit.
//
// A commit marks its tenant. A few workers take snapshots of the marked tenants (package sqlite), compare each page with
// the checksum that it had, and store the changed ones as a file of LTX, Litestream's format. A tenant that isn't
// written costs nothing.
//
//	backup.go   what is configured; package queue marks tenants and runs the workers
//	store.go    stores what has changed of a database
//	state.go    what is known to be stored
//	tidy.go     merges files, and removes those that are no longer needed
//	history.go  finds the files that lead to a point in time
//	restore.go  applies them
//	ahead.go    reads them meanwhile
//	master.go   does the same for a master on SQLite
//	sweep.go    finds what was written by other processes
package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/bucket"
	"tenantry/tenants/sqlite"
)

// Errors, for errors.Is.
var (
	// ErrNoBackup means that there is no backup from the time that was asked for, or from before.
	ErrNoBackup = errors.New("there is no backup")
	// ErrDamaged means that a backup can't be read, or is not what its checksum says.
	ErrDamaged = errors.New("backup is damaged")
	// ErrScratch means that what is restored can't be written.
	ErrScratch = errors.New("what is restored can't be written")
)

// NoBackup returns an ErrNoBackup that names the time that was asked for, and the oldest backup, if these are not zero.
func NoBackup(at, oldest time.Time) error {
	const layout = "2006-01-02T15:04:05.000Z07:00"
	switch {
	case at.IsZero():
		return ErrNoBackup
	case oldest.IsZero():
		return fmt.Errorf("%w, neither from %s nor of another time", ErrNoBackup, at.Format(layout))
	}
	return fmt.Errorf("%w from %s or before: the oldest is from %s", ErrNoBackup, at.Format(layout), oldest.In(at.Location()).Format(layout))
}

// Options configure Backups.
type Options struct {
	// Bucket is where backups are stored.
	Bucket bucket.Bucket
	// Dir is a folder, created once it is needed, with the checksums of what was stored.
	Dir string
	// Interval is the age at which a commit must be backed up. Defaults to 10 seconds.
	Interval time.Duration
	// Keep is for how long points in time can be restored. Defaults to 30 days.
	Keep time.Duration
	// Merge is how many files are merged into one, and how many of those until the next snapshot. A restore reads at most
	// a snapshot and twice as many files. Defaults to 30.
	Merge int
	// Workers is how many tenants are backed up at once. Defaults to 4.
	Workers int
	// Snapshot takes snapshots of tenants' databases.
	Snapshot Take
	// Free returns the free bytes on the disk of a folder, and false if they aren't known. A restore that has no room is
	// refused. It may be nil.
	Free func(dir string) (free int64, known bool)
	// Log gets failures. Defaults to slog.Default().
	Log *slog.Logger
}

// Take takes a snapshot of a tenant's database. Returns ErrOtherEngine for a tenant that isn't on SQLite.
type Take func(ctx context.Context, t *tenants.Tenant, since sqlite.Stamp) (*sqlite.Snapshot, error)

// ErrNotConfigured means that there are no backups of any tenant.
var ErrNotConfigured = errors.New("there are no backups")

// ErrOtherEngine means that a tenant's database isn't a SQLite file.
var ErrOtherEngine = errors.New("not a SQLite database")

// Try returns an error if the bucket can't be read, or has the backups of another installation.
func (b *Backups) Try(ctx context.Context) error {
	if s, err := b.sealed(); err == nil {
		return s.Keys().Try(ctx)
	}
	for _, err := range b.o.Bucket.List(ctx, prefix(MasterID)) {
		return err
	}
	return nil
}

// Backups backs up tenants: those that are marked in its Queue. It is safe for concurrent use.
type Backups struct {
	*queue.Queue
	// MasterBackup says how the backup of the master stands that RunMaster makes.
	MasterBackup *queue.Single

	o Options

	mu     sync.Mutex // protects the fields below
	known  map[string]*database
	stored map[string]time.Time // what sweep has read of when backups began
}

// New returns Backups, which store nothing until Run or Store is called.
func New(o Options) (*Backups, error) {
	if o.Interval == 0 {
		o.Interval = 10 * time.Second
	}
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.Merge == 0 {
		o.Merge = 30
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Backups{o: o, known: map[string]*database{}, stored: map[string]time.Time{}}
	b.Queue = queue.New(queue.Options{Interval: o.Interval, Workers: o.Workers, Store: b.storeTenant, Log: o.Log})
	b.MasterBackup = queue.NewSingle(o.Interval)
	return b, nil
}

// storeTenant backs up a tenant. One that isn't on SQLite, or has no database, needs no backup here.
func (b *Backups) storeTenant(ctx context.Context, t *tenants.Tenant, _ time.Time) error {
	b.mu.Lock()
	db := b.known[t.ID]
	if db == nil {
		db = &database{}
		b.known[t.ID] = db
	}
	b.mu.Unlock()
	err := b.store(ctx, t.ID, db, func(ctx context.Context, stamp sqlite.Stamp) (*sqlite.Snapshot, error) {
		return b.o.Snapshot(ctx, t, stamp)
	})
	if errors.Is(err, ErrOtherEngine) || errors.Is(err, tenants.ErrUnknownTenant) || errors.Is(err, tenants.ErrNoDatabase) {
		return nil
	}
	return err
}
