package exports

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
)

// file is a portable file in the bucket.
type file struct {
	bucket.Object
	at time.Time // as which the database is in it
}

// keyTime is the layout of the times in keys, which are in UTC: it sorts by time.
const keyTime = "20060102T150405.000Z"

const suffix = ".db"

// prefix returns what the keys of the files of a tenant or the master begin with.
func prefix(id string) string {
	if id == backup.MasterID {
		return "master/portable/"
	}
	return "tenants/" + id + "/portable/"
}

func keyOf(id string, at time.Time) string { return prefix(id) + at.UTC().Format(keyTime) + suffix }

// files lists a tenant's files, the oldest first. It ignores other objects.
func (e *Exports) files(ctx context.Context, id string) (all []file, err error) {
	for o, err := range e.o.Bucket.List(ctx, prefix(id)) {
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutSuffix(path.Base(o.Key), suffix)
		if at, err := time.Parse(keyTime, name); ok && err == nil {
			all = append(all, file{o, at})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return a.at.Compare(b.at) })
	return all, nil
}

// wholeFor is how long every backup is kept; of those before, the last one of each day is.
const wholeFor = 24 * time.Hour

// tidy removes the tenant's files that are no longer needed.
func (e *Exports) tidy(ctx context.Context, id string) error {
	all, err := e.files(ctx, id)
	if err != nil {
		return err
	}
	var keys []string
	for _, f := range expired(all, time.Now(), e.o.Keep) {
		keys = append(keys, f.Key)
	}
	for some := range slices.Chunk(keys, 500) {
		if err := e.o.Bucket.Delete(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}

// expired returns the files that are no longer needed, of all, which are sorted by time. The newest file from before the time
// that is kept stays, because the database was as in it until the next one.
func expired(all []file, now time.Time, keep time.Duration) (old []file) {
	horizon, thinned := now.Add(-keep), now.Add(-wholeFor)
	for i, f := range all[:max(0, len(all)-1)] {
		next := all[i+1]
		sameDay := f.at.UTC().Truncate(24*time.Hour) == next.at.UTC().Truncate(24*time.Hour)
		if !next.at.After(horizon) || next.at.Before(thinned) && sameDay {
			old = append(old, f)
		}
	}
	return old
}
