// Package backup backs up the databases of tenants on SQLite, a short time after each commit.
//
// A commit marks its tenant. A few workers take snapshots of the marked tenants (package sqlite), compare each page with
// the checksum that it had, and store the changed ones as a file of LTX, Litestream's format. A tenant that isn't
// written costs nothing.
//
//	backup.go   marks tenants and runs the workers
//	store.go    stores what has changed of a database
//	state.go    what is known to be stored
//	tidy.go     merges files, and removes those that are no longer needed
//	history.go  finds the files that lead to a point in time
//	restore.go  applies them
//	master.go   does the same for a master on SQLite
//	sweep.go    finds what was written by other processes
package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tenantry/tenants"
	"tenantry/tenants/backup/bucket"
	"tenantry/tenants/sqlite"
)

// Errors, for errors.Is.
var (
	// ErrNoBackup means that there is no backup from the time that was asked for, or from before.
	ErrNoBackup = errors.New("there is no backup")
	// ErrDamaged means that a backup can't be read, or is not what its checksum says.
	ErrDamaged = errors.New("backup is damaged")
)

// Options configure Backups.
type Options struct {
	// Bucket is where backups are stored.
	Bucket bucket.Bucket
	// Dir is a folder, created if missing, with the checksums of what was stored.
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
	// Log gets failures. Defaults to slog.Default().
	Log *slog.Logger
}

// Take takes a snapshot of a tenant's database. Returns ErrOtherEngine for a tenant that isn't on SQLite.
type Take func(ctx context.Context, t *tenants.Tenant, since sqlite.Stamp) (*sqlite.Snapshot, error)

// ErrOtherEngine means that a tenant's database isn't a SQLite file.
var ErrOtherEngine = errors.New("not a SQLite database")

// Try returns an error if the bucket can't be read.
func (b *Backups) Try(ctx context.Context) error {
	for _, err := range b.o.Bucket.List(ctx, prefix(MasterID)) {
		return err
	}
	return nil
}

// Backups backs up tenants. It is safe for concurrent use.
type Backups struct {
	o Options

	mu     sync.Mutex // protects the fields below
	marks  map[string]*mark
	known  map[string]*database
	failed map[string]error // the last error of each tenant that couldn't be backed up
	stored int64            // backups since the start
}

// mark is a tenant with commits that aren't backed up.
type mark struct {
	tenant  *tenants.Tenant
	since   time.Time // of the oldest of them
	again   time.Time // of the oldest since the snapshot that is being taken or stored; zero if there is none
	due     time.Time
	tries   int
	running bool
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
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("backups: %w", err)
	}
	return &Backups{o: o, marks: map[string]*mark{}, known: map[string]*database{}, failed: map[string]error{}}, nil
}

// Committed marks a tenant as written now.
func (b *Backups) Committed(t *tenants.Tenant) { b.markAt(t, time.Now()) }

func (b *Backups) markAt(t *tenants.Tenant, since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.marks[t.ID]; m != nil {
		if m.running && m.again.IsZero() { // the snapshot may have been taken before
			m.again = since
		}
		return
	}
	b.marks[t.ID] = &mark{tenant: t, since: since, due: since.Add(b.o.Interval * 3 / 4)}
}

// take returns the marked tenant that is due and has waited longest, or when the next one is.
func (b *Backups) take(now time.Time) (found *mark, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.marks {
		if m.running {
			continue
		}
		if m.due.After(now) {
			if next.IsZero() || m.due.Before(next) {
				next = m.due
			}
		} else if found == nil || m.since.Before(found.since) {
			found = m
		}
	}
	if found != nil {
		found.running = true
	}
	return found, next
}

// done ends the work on a mark that was taken.
func (b *Backups) done(m *mark, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := m.tenant.ID
	m.running = false
	if err != nil {
		m.tries++
		m.due = time.Now().Add(min(b.o.Interval<<min(m.tries, 10), longestRetry))
		b.failed[id] = err
		return
	}
	delete(b.failed, id)
	b.stored++
	if m.again.IsZero() {
		delete(b.marks, id)
		return
	}
	m.since, m.due, m.tries = m.again, m.again.Add(b.o.Interval*3/4), 0
}

// longestRetry is the longest time until a backup that failed is tried again.
const longestRetry = 5 * time.Minute

// Run backs up marked tenants until ctx ends. It returns when what it has begun is over. Backups that weren't made by
// then are made when Run is called again, also in another process.
func (b *Backups) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, b.o.Workers)
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		m, next := b.take(time.Now())
		if m == nil {
			<-slots
			wait(ctx, min(b.o.Interval/10, until(next, b.o.Interval)))
			continue
		}
		workers.Go(func() {
			defer func() { <-slots }()
			b.work(ctx, m)
		})
	}
}

func until(next time.Time, most time.Duration) time.Duration {
	if next.IsZero() {
		return most
	}
	return max(time.Millisecond, time.Until(next))
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// work backs up a tenant whose mark was taken.
func (b *Backups) work(ctx context.Context, m *mark) {
	b.mu.Lock()
	m.again = time.Time{}
	db := b.known[m.tenant.ID]
	if db == nil {
		db = &database{}
		b.known[m.tenant.ID] = db
	}
	tries := m.tries
	b.mu.Unlock()
	err := b.store(ctx, m.tenant.ID, db, func(ctx context.Context, stamp sqlite.Stamp) (*sqlite.Snapshot, error) {
		return b.o.Snapshot(ctx, m.tenant, stamp)
	})
	if errors.Is(err, ErrOtherEngine) || errors.Is(err, tenants.ErrUnknownTenant) || errors.Is(err, tenants.ErrNoDatabase) {
		err = nil
	}
	if err != nil && ctx.Err() == nil && tries == 0 {
		b.o.Log.WarnContext(ctx, "backup failed, and will be tried again", "tenant", m.tenant.Subdomain, "error", err)
	}
	b.done(m, err)
}

// Store backs up a tenant now. It waits for a backup of the tenant that runs already.
func (b *Backups) Store(ctx context.Context, t *tenants.Tenant) error {
	for {
		b.mu.Lock()
		m := b.marks[t.ID]
		if m == nil {
			m = &mark{tenant: t, since: time.Now()}
			b.marks[t.ID] = m
		}
		if !m.running {
			m.running = true
			b.mu.Unlock()
			b.work(ctx, m)
			b.mu.Lock()
			err := b.failed[t.ID]
			b.mu.Unlock()
			return err
		}
		b.mu.Unlock()
		wait(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// Flush backs up all marked tenants now.
func (b *Backups) Flush(ctx context.Context) error {
	b.mu.Lock()
	var marked []*tenants.Tenant
	for _, m := range b.marks {
		marked = append(marked, m.tenant)
	}
	b.mu.Unlock()
	return b.StoreAll(ctx, marked)
}

// StoreAll backs up tenants now, several at once.
func (b *Backups) StoreAll(ctx context.Context, all []*tenants.Tenant) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.o.Workers)
	var mu sync.Mutex // protects failed
	var failed []error
	for _, t := range all {
		group.Go(func() error {
			if err := b.Store(ctx, t); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("tenant %q: %w", t.Subdomain, err))
			}
			return ctx.Err()
		})
	}
	return errors.Join(group.Wait(), errors.Join(failed...))
}

// Status says how backups stand.
type Status struct {
	// Waiting is the number of tenants with commits that aren't backed up, and Age the age of the oldest of these.
	Waiting int
	Age     time.Duration
	// Failing are the ids of the tenants that couldn't be backed up, with the reason.
	Failing map[string]error
	// Stored is the number of backups since the start.
	Stored int64
}

// Status returns how backups stand.
func (b *Backups) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{Waiting: len(b.marks), Stored: b.stored, Failing: make(map[string]error, len(b.failed))}
	var ages []time.Duration
	for _, m := range b.marks {
		ages = append(ages, time.Since(m.since))
	}
	if len(ages) > 0 {
		s.Age = slices.Max(ages)
	}
	for id, err := range b.failed {
		s.Failing[id] = err
	}
	return s
}
