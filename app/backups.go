package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/bucket"
	"tenantry/tenants/proof"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// backupsDir is the folder in the data folder with what is known of backups.
const backupsDir = "backups"

// backupSettings are the settings of backups.
type backupSettings struct {
	url            string // empty for no backups
	interval, keep time.Duration
	exportInterval time.Duration // of tenants on Postgres

	proofInterval, proofAge time.Duration // 0 for none
}

// The least and the most that a commit may wait for its backup, and the least that backups are kept.
const (
	shortestInterval = time.Second
	longestInterval  = 24 * time.Hour
	shortestKeep     = time.Hour
)

func (c Config) readBackups(s *settings) error {
	s.backups.url = c.BackupURL
	var bad []error
	if c.BackupURL != "" {
		if err := bucket.CheckURL(c.BackupURL); err != nil {
			bad = append(bad, &SettingError{"backup-url", withoutUser(c.BackupURL), bucket.WantURL})
		}
	}
	interval := func(name, value, example string) time.Duration {
		d, err := time.ParseDuration(value)
		if err != nil || d < shortestInterval || d > longestInterval {
			bad = append(bad, &SettingError{name, value, fmt.Sprintf("a duration from %v to %v, such as %s", shortestInterval, longestInterval, example)})
		}
		return d
	}
	s.backups.interval, s.backups.exportInterval = interval("backup-interval", c.BackupInterval, "10s"), interval("backup-export-interval", c.BackupExportInterval, "1h")
	keep, err := parseDays(c.BackupKeep)
	if err != nil || keep < shortestKeep {
		bad = append(bad, &SettingError{"backup-keep", c.BackupKeep, fmt.Sprintf("a duration of %v or more, such as 48h or 30d", shortestKeep)})
	}
	s.backups.keep = keep
	for _, proof := range []struct {
		flag, value string
		into        *time.Duration
	}{{"proof-interval", c.ProofInterval, &s.backups.proofInterval}, {"proof-age", c.ProofAge, &s.backups.proofAge}} {
		if *proof.into, err = parseDays(proof.value); err != nil || *proof.into != 0 && *proof.into < shortestInterval {
			bad = append(bad, &SettingError{proof.flag, proof.value, fmt.Sprintf("a duration of %v or more, such as 24h or 30d, or 0", shortestInterval)})
		}
	}
	return errors.Join(bad...)
}

// withoutUser cuts what may be credentials.
func withoutUser(url string) string {
	if at := strings.LastIndexByte(url, '@'); at >= 0 {
		return "…" + url[at:]
	}
	return url
}

// parseDays parses a duration, or a number of days such as 30d.
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// openBackups opens the bucket for backups, if there is one.
func (a *App) openBackups(ctx context.Context) (err error) {
	if a.settings.backups.url == "" {
		return nil
	}
	installation, err := a.master.Installation(ctx)
	if err != nil {
		return err
	}
	b, err := a.settings.openBucket(ctx, a.keys, installation)
	if err != nil {
		return err
	}
	a.exports = exports.New(exports.Options{
		Master: a.master, Engine: func(server string) (tenants.Engine, error) { return a.store.Server(server) },
		Bucket: b, Scratch: a.settings.scratch, Files: sqlite.Files{Schema: a.options.Schema}, Schema: a.options.Schema,
		MasterFiles: sqlite.Files{Schema: tenants.MasterSchema()},
		Interval:    a.settings.backups.exportInterval, Keep: a.settings.backups.keep, Log: a.log, Interrupt: a.options.Interrupt,
	})
	a.bucket = b
	a.backups, err = a.settings.newBackups(b, a.snapshot, a.log)
	return err
}

// openBucket opens the bucket of an installation's backups. They are encrypted with keys that the ring seals.
func (s *settings) openBucket(ctx context.Context, ring *seal.Ring, installation string) (*sealed.Bucket, error) {
	b, err := bucket.Open(ctx, s.backups.url)
	if err != nil {
		return nil, fmt.Errorf("%w; check %s", err, name("backup-url"))
	}
	return sealed.New(b, ring, installation), nil
}

func (s *settings) newBackups(b bucket.Bucket, take backup.Take, log *slog.Logger) (*backup.Backups, error) {
	return backup.New(backup.Options{
		Bucket: b, Dir: filepath.Join(s.dataDir, backupsDir), Interval: s.backups.interval, Keep: s.backups.keep, Snapshot: take, Log: log,
		Free: sqlite.Files{}.Free,
	})
}

// committed returns what is called after a commit, or nil.
func (a *App) committed() func(t *tenants.Tenant) {
	if a.backups == nil {
		return nil
	}
	return func(t *tenants.Tenant) {
		if a.isExported(t) {
			a.exports.Committed(t)
		} else {
			a.backups.Committed(t)
		}
	}
}

// TakeOverBackups makes the backups' storage this installation's, although another one has its backups there.
func (a *App) TakeOverBackups(ctx context.Context) error {
	if a.bucket == nil {
		return ErrNoBackups
	}
	if err := a.bucket.TakeOver(ctx); err != nil {
		return fmt.Errorf("take the backups' storage over: %w", err)
	}
	return nil
}

// HasBackups reports whether there is a bucket.
func (a *App) HasBackups() bool { return a.backups != nil }

// isExported reports whether a tenant is backed up as portable files.
func (a *App) isExported(t *tenants.Tenant) bool {
	exported, err := a.exports.CanExport(t.Server)
	return exported && err == nil
}

// StoreBackup backs up a tenant now.
func (a *App) StoreBackup(ctx context.Context, t *tenants.Tenant) error {
	if a.isExported(t) {
		return a.exports.Store(ctx, t)
	}
	return a.backups.Store(ctx, t)
}

// StoreWhole backs up a tenant's whole database now, also if it is stored already.
func (a *App) StoreWhole(ctx context.Context, t *tenants.Tenant) error {
	if !a.isExported(t) {
		if err := a.backups.Forget(ctx, t.ID); err != nil {
			return err
		}
	}
	return a.StoreBackup(ctx, t)
}

// BackupPoints lists the newest points in time to which the tenant with an id, or the master, can be restored, the newest
// first, and how many there are. A tenant that was moved may have points of both kinds.
func (a *App) BackupPoints(ctx context.Context, id string, limit int) (newest []backup.Point, count int, err error) {
	if a.backups == nil {
		return nil, 0, ErrNoBackups
	}
	newest, count, err = a.backups.Points(ctx, id, limit)
	if err != nil {
		return nil, 0, err
	}
	files, n, err := a.exports.Points(ctx, id, limit)
	newest = append(newest, files...)
	slices.SortStableFunc(newest, func(x, y backup.Point) int { return y.At.Compare(x.At) })
	return newest[:min(limit, len(newest))], count + n, err
}

// BackedUpAt returns when the last backup of a tenant was made, as far as is known without asking the storage, or nil.
func (a *App) BackedUpAt(ctx context.Context, t *tenants.Tenant) (*time.Time, error) {
	if a.backups == nil {
		return nil, nil
	}
	at, err := a.backups.StoredAt(t.ID)
	if err == nil && a.isExported(t) {
		at, err = a.exports.StoredAt(ctx, t.ID)
	}
	if err != nil || at.IsZero() {
		return nil, err
	}
	at = at.UTC()
	return &at, nil
}

// snapshotter is an engine that takes snapshots.
type snapshotter interface {
	Snapshot(ctx context.Context, t *tenants.Tenant, since sqlite.Stamp) (*sqlite.Snapshot, error)
	Written(ctx context.Context, t *tenants.Tenant) (time.Time, error)
	CheckFile(ctx context.Context, t *tenants.Tenant, path string) error
	PlaceFile(ctx context.Context, t *tenants.Tenant, path string) error
}

// snapshotterOf returns the engine of a tenant. Returns backup.ErrOtherEngine if it takes no snapshots.
func (a *App) snapshotterOf(t *tenants.Tenant) (snapshotter, error) {
	engine, err := a.store.Server(t.Server)
	if err != nil {
		return nil, err
	}
	s, ok := engine.(snapshotter)
	if !ok {
		return nil, backup.ErrOtherEngine
	}
	return s, nil
}

// snapshot takes a snapshot of a tenant, while no operation can move its database.
func (a *App) snapshot(ctx context.Context, t *tenants.Tenant, since sqlite.Stamp) (s *sqlite.Snapshot, err error) {
	engine, err := a.snapshotterOf(t)
	if err != nil {
		return nil, err
	}
	err = a.store.Hold(ctx, t, func(ctx context.Context) error {
		s, err = engine.Snapshot(ctx, t, since)
		return err
	})
	return s, err
}

func (a *App) written(ctx context.Context, t *tenants.Tenant) (time.Time, error) {
	engine, err := a.snapshotterOf(t)
	if err != nil {
		return time.Time{}, err
	}
	return engine.Written(ctx, t)
}

// runBackups backs up tenants until ctx ends.
func (a *App) runBackups(ctx context.Context, running *sync.WaitGroup) {
	if a.backups == nil {
		return
	}
	running.Go(func() { a.tryBackups(ctx) })
	running.Go(func() { a.backups.Run(ctx) })
	running.Go(func() {
		if a.settings.masterPath == "" {
			a.exports.RunMaster(ctx)
		} else {
			a.backups.RunMaster(ctx, backup.Master{Path: a.settings.masterPath})
		}
	})
	running.Go(func() { a.backups.Sweep(ctx, a.master, a.written) })
	running.Go(func() { a.exports.Run(ctx) })
	running.Go(func() { a.exports.Sweep(ctx) })
	running.Go(func() { a.proofs.Run(ctx) })
}

// tryTimeout limits how long a start waits to know that backups are stored nowhere.
const tryTimeout = time.Minute

// tryBackups warns of a bucket that can't be used. The server serves all the same, and goes on trying.
func (a *App) tryBackups(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	if err := a.backups.Try(ctx); err != nil && !errors.Is(err, context.Canceled) {
		a.log.WarnContext(ctx, "commits are not backed up until the backups' storage can be used", "error", err)
	}
}

// flushTimeout limits how long a process that stops backs up its last commits. Others are backed up at the next start.
const flushTimeout = 20 * time.Second

func (a *App) flushBackups(ctx context.Context) {
	if a.backups == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := errors.Join(a.backups.Flush(ctx), a.StoreMaster(ctx)); err != nil {
		a.log.WarnContext(ctx, "commits are not backed up before the next start", "error", err)
	}
}

// StoreMaster backs up the master now.
func (a *App) StoreMaster(ctx context.Context) error {
	if a.settings.masterPath == "" {
		return a.exports.StoreMaster(ctx)
	}
	return a.backups.StoreMaster(ctx, backup.Master{Path: a.settings.masterPath})
}

// Survey says how the backups of all tenants stand, and which of them are proven.
type Survey struct {
	backup.Survey
	proof.Standing
}

// SurveyBackups says how the tenants' backups stand, from the times of their files. Without a bucket it returns
// ErrNoBackups.
func (a *App) SurveyBackups(ctx context.Context) (s Survey, err error) {
	if a.backups == nil {
		return s, ErrNoBackups
	}
	if s.Survey, err = a.backups.Survey(ctx, a.master, a.written); err == nil {
		err = a.exports.Survey(ctx, &s.Survey)
	}
	if err == nil {
		err = a.surveyMaster(ctx, &s.Survey)
	}
	if err != nil {
		return s, err
	}
	s.Standing, err = a.proofs.Standing(ctx)
	return s, err
}

func (a *App) surveyMaster(ctx context.Context, s *backup.Survey) error {
	if a.settings.masterPath == "" {
		return a.exports.SurveyMaster(ctx, s)
	}
	return a.backups.SurveyMaster(ctx, a.master, s)
}

// ErrNoBackups means that backups are not configured.
var ErrNoBackups = fmt.Errorf("%w; choose where they are stored with %s", backup.ErrNotConfigured, name("backup-url"))

// BackedUp returns the tenants whose databases can be backed up.
func (a *App) BackedUp(ctx context.Context) (all []*tenants.Tenant, err error) {
	err = backup.Each(ctx, a.master, func(t *tenants.Tenant) {
		if a.CanBackUp(t) {
			all = append(all, t)
		}
	})
	return all, err
}

// CanBackUp reports whether a tenant's database can be backed up.
func (a *App) CanBackUp(t *tenants.Tenant) bool {
	_, err := a.snapshotterOf(t)
	return !errors.Is(err, backup.ErrOtherEngine) || a.isExported(t)
}

// queues are what backs up tenants.
func (a *App) watched() []queue.Watched {
	if a.backups == nil {
		return nil
	}
	return []queue.Watched{a.backups.Queue, a.exports.Queue, a.backups.MasterBackup, a.exports.MasterBackup}
}

// Proofs tries tenants' backups. It is nil if there is no bucket.
func (a *App) Proofs() *proof.Proofs { return a.proofs }

func (a *App) newProofs() *proof.Proofs {
	if a.backups == nil {
		return nil
	}
	return proof.New(proof.Options{
		Store: a.store, Verify: a.verifyBackup, Record: a.manager.RecordProof,
		IsBackedUp: func(server string) bool { return a.CanBackUp(&tenants.Tenant{Server: server}) },
		Interval:   a.settings.backups.proofInterval, Age: a.settings.backups.proofAge, Log: a.log,
	})
}

// BackupKeys returns the keys of the tenant's backups, which are secrets, and records in the ledger that they were asked for.
func (a *App) BackupKeys(ctx context.Context, t *tenants.Tenant) ([]string, error) {
	if a.backups == nil {
		return nil, ErrNoBackups
	}
	keys, err := a.backups.RevealKeys(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return keys, a.manager.RecordBackupKey(ctx, a.settings.by, t)
}
