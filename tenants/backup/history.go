package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants/backup/pages"
	"tenantry/tenants/backup/sealed"
	"tenantry/tenants/bucket"
)

// The levels of LTX files, as Litestream numbers them: what each backup has stored, what was merged of those, and
// snapshots, which are whole databases.
const (
	levelStored   = 0
	levelMerged   = 1
	levelSnapshot = 9
)

// file is an LTX file in the bucket: the changes of the transactions from min to max. A transaction is here what one
// backup has stored, and may be many of the tenant's.
type file struct {
	bucket.Object
	level    int
	min, max ltx.TXID
}

// MasterID stands for the master among the ids of tenants.
const MasterID = "master"

const tenantsPrefix = "tenants/"

// prefix returns what the keys of a database's files begin with. Below it, names are those of Litestream.
func prefix(id string) string {
	if id == MasterID {
		return "master/ltx/"
	}
	return tenantsPrefix + id + "/ltx/"
}

// Stored returns the ids of the tenants that have backups.
func (b *Backups) Stored(ctx context.Context) (ids []string, err error) {
	for o, err := range b.o.Bucket.List(ctx, tenantsPrefix) {
		if err != nil {
			return nil, err
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(o.Key, tenantsPrefix), "/")
		if len(ids) == 0 || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func keyOf(id string, level int, least, most ltx.TXID) string {
	return prefix(id) + strconv.Itoa(level) + "/" + ltx.FormatFilename(least, most)
}

// fileOf returns the file of an object. Returns false if the object is not an LTX file.
func fileOf(o bucket.Object) (file, bool) {
	least, most, err := ltx.ParseFilename(path.Base(o.Key))
	level, levelErr := strconv.Atoi(path.Base(path.Dir(o.Key)))
	return file{o, level, least, most}, err == nil && levelErr == nil
}

// files lists the files of a database: by level, then in order.
func (b *Backups) files(ctx context.Context, id string, level ...int) (all []file, err error) {
	under := prefix(id)
	if len(level) > 0 {
		under += strconv.Itoa(level[0]) + "/"
	}
	for o, err := range b.o.Bucket.List(ctx, under) {
		if err != nil {
			return nil, err
		}
		if f, ok := fileOf(o); ok {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b file) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.max, b.max)) })
	return all, nil
}

// last returns the number of the last transaction in the bucket, or 0.
func last(all []file) (most ltx.TXID) {
	for _, f := range all {
		most = max(most, f.max)
	}
	return most
}

// opened is a file whose header was read.
type opened struct {
	file
	body    io.Closer
	decoder *pages.Decoder
	header  ltx.Header
}

// at returns when the file's changes were stored.
func (o opened) at() time.Time { return time.UnixMilli(o.header.Timestamp).UTC() }

func (b *Backups) open(ctx context.Context, f file) (o opened, err error) {
	r, err := b.o.Bucket.Get(ctx, f.Key)
	if errors.Is(err, sealed.ErrForged) {
		err = damaged(f, err)
	}
	if err != nil {
		return o, err
	}
	decoder := pages.NewDecoder(r)
	header, err := decoder.Header()
	if err != nil {
		_ = r.Close()
		return o, damaged(f, err)
	}
	if header.MinTXID != f.min || header.MaxTXID != f.max {
		_ = r.Close()
		return o, fmt.Errorf("%w: %s has the transactions %d to %d", ErrDamaged, f.Key, header.MinTXID, header.MaxTXID)
	}
	return opened{f, r, decoder, header}, nil
}

// chain returns the files that, applied one after another, make the database as it was at a time, or as it was last
// if the time is zero. Returns ErrNoBackup if there was no backup at that time.
func (b *Backups) chain(ctx context.Context, id string, at time.Time) ([]file, error) {
	all, err := b.files(ctx, id)
	if err != nil {
		return nil, err
	}
	end, err := b.endAt(ctx, all, at)
	if err != nil {
		return nil, err
	}
	var found []file
	for position := ltx.TXID(0); position < end; {
		next := step(all, position, end)
		if next == nil {
			break
		}
		found, position = append(found, *next), next.max
	}
	if len(found) == 0 {
		return nil, b.noBackup(ctx, all, at)
	}
	return found, nil
}

// noBackup returns the error for a time from which there is no backup.
func (b *Backups) noBackup(ctx context.Context, all []file, at time.Time) error {
	if len(all) == 0 {
		return NoBackup(at, time.Time{})
	}
	o, err := b.open(ctx, slices.MinFunc(all, func(a, b file) int { return cmp.Compare(a.max, b.max) }))
	if err != nil {
		return err
	}
	return errors.Join(NoBackup(at, o.at()), o.body.Close())
}

// endAt returns the last transaction that was stored at a time or before.
func (b *Backups) endAt(ctx context.Context, all []file, at time.Time) (ltx.TXID, error) {
	ordered := slices.Clone(all)
	slices.SortStableFunc(ordered, func(a, b file) int { return cmp.Compare(a.max, b.max) })
	if at.IsZero() {
		return last(all), nil
	}
	var failed error
	later := sort.Search(len(ordered), func(i int) bool {
		o, err := b.open(ctx, ordered[i])
		if err != nil {
			failed = err
			return true
		}
		failed = errors.Join(failed, o.body.Close())
		return o.at().After(at)
	})
	if failed != nil || later == 0 {
		return 0, failed
	}
	return ordered[later-1].max, nil
}

// step returns the file that leads furthest from a position without passing the end, or nil. Of two files that lead as
// far it prefers the one with the later start, which is smaller.
func step(all []file, position, end ltx.TXID) *file {
	var best *file
	for i, f := range all {
		able := f.max <= end && (position == 0 && f.min == 1 || position > 0 && ltx.IsContiguous(position, f.min, f.max))
		if able && (best == nil || f.max > best.max || f.max == best.max && f.min > best.min) {
			best = &all[i]
		}
	}
	return best
}

// Point is a moment to which a database can be restored.
type Point struct {
	At time.Time `json:"at"`
	// Size is what the file with the changes takes, in bytes.
	Size int64 `json:"size"`
	// Snapshot means that the file has the whole database.
	Snapshot bool `json:"snapshot"`
	// Portable means that the file is a portable one, of a tenant on Postgres.
	Portable bool `json:"portable,omitempty"`
}

// Points lists the newest points in time to which a database can be restored, the newest first, and how many there are.
func (b *Backups) Points(ctx context.Context, id string, limit int) (newest []Point, count int, err error) {
	all, err := b.files(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(all, func(a, b file) int { return cmp.Or(cmp.Compare(b.max, a.max), cmp.Compare(b.min, a.min)) })
	all = slices.CompactFunc(all, func(a, b file) bool { return a.max == b.max })
	for _, f := range all[:min(limit, len(all))] {
		o, err := b.open(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		newest = append(newest, Point{At: o.at(), Size: f.Size, Snapshot: f.min == 1})
		if err := o.body.Close(); err != nil {
			return nil, 0, err
		}
	}
	return newest, len(all), nil
}
