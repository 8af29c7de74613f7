package exports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/bucket"
	"tenantry/tenants/portable"
	"tenantry/tenants/seal"
)

// Points lists the newest files of a tenant, the newest first, and how many there are.
func (e *Exports) Points(ctx context.Context, id string, limit int) (newest []backup.Point, count int, err error) {
	all, err := e.files(ctx, id)
	slices.Reverse(all)
	for _, f := range all[:min(limit, len(all))] {
		newest = append(newest, backup.Point{At: f.at, Size: f.Size, Snapshot: true, Portable: true})
	}
	return newest, len(all), err
}

// Newest returns when the last file of a tenant before a time was made, or the last one of all if the time is zero. Returns
// backup.ErrNoBackup if there is none.
func (e *Exports) Newest(ctx context.Context, id string, at time.Time) (time.Time, error) {
	f, err := e.newest(ctx, id, at)
	return f.at, err
}

func (e *Exports) newest(ctx context.Context, id string, at time.Time) (found file, err error) {
	all, err := e.files(ctx, id)
	for _, f := range all {
		if at.IsZero() || !f.at.After(at) {
			found = f
		}
	}
	switch {
	case err != nil || found.Key != "":
	case len(all) == 0:
		err = backup.NoBackup(at, time.Time{})
	default:
		err = backup.NoBackup(at, all[0].at)
	}
	return found, err
}

// StoredAt returns when the last backup of a tenant was made, as far as the master knows, or the zero time. It doesn't ask the
// storage.
func (e *Exports) StoredAt(ctx context.Context, id string) (time.Time, error) {
	_, known, err := e.read(ctx, id)
	return known.At, err
}

// Restore makes a new file, 0600, of the tenant's last backup before a time, or of its last one if the time is zero. It is a
// portable file, which Open checks. Returns backup.ErrNoBackup, or backup.ErrDamaged if it can't be decrypted; the file is
// removed then.
func (e *Exports) Restore(ctx context.Context, id string, at time.Time, to string) (r backup.Restored, err error) {
	f, err := e.newest(ctx, id, at)
	if err != nil {
		return r, err
	}
	size, err := e.fetch(ctx, f.Key, to)
	return backup.Restored{At: f.at, Files: 1, Size: size}, err
}

func (e *Exports) fetch(ctx context.Context, key, to string) (size int64, err error) {
	from, err := e.o.Bucket.Get(ctx, key)
	if err != nil {
		return 0, damaged(key, err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		if err = errors.Join(err, target.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	size, err = io.Copy(target, from)
	return size, damaged(key, err)
}

// damaged adds backup.ErrDamaged to an error that isn't the storage's, and doesn't come from a lack of keys.
func damaged(key string, err error) error {
	if err == nil {
		return nil
	}
	for _, other := range []error{bucket.ErrUnavailable, bucket.ErrFull, context.Canceled, tenants.ErrFull, sealed.ErrNoKey, seal.ErrUnknownKey} {
		if errors.Is(err, other) {
			return err
		}
	}
	return fmt.Errorf("%w: %s: %w", backup.ErrDamaged, key, err)
}

// Verify restores the tenant's newest backup to a file, checks its schema, its integrity and the sums of its rows, and removes
// it.
func (e *Exports) Verify(ctx context.Context, t *tenants.Tenant) (r backup.Restored, err error) {
	dir, remove, err := e.o.Scratch()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	path := dir + "/restored.db"
	if r, err = e.Restore(ctx, t.ID, time.Time{}, path); err != nil {
		return r, err
	}
	return r, portable.Check(ctx, e.o.Files, path, e.o.Schema)
}
