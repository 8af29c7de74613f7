package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants/bucket"
)

// storedFor is how long files are kept after they were merged: every backup of that time can be restored.
const storedFor = 24 * time.Hour

// tidy merges files when enough of them have come together, and removes those that are no longer needed.
func (b *Backups) tidy(ctx context.Context, id string, position ltx.TXID) error {
	merge := ltx.TXID(b.o.Merge)
	if position%merge != 0 {
		return nil
	}
	all, err := b.files(ctx, id)
	if err != nil {
		return err
	}
	merged, err := b.merge(ctx, id, all, levelStored, levelMerged)
	if err == nil && merged != nil {
		all = append(all, *merged)
	}
	if err == nil && position%(merge*merge) == 0 {
		_, err = b.snapshot(ctx, id, all, position)
	}
	return errors.Join(err, b.expire(ctx, all))
}

// merge merges the files of a level that no file of the next has yet.
func (b *Backups) merge(ctx context.Context, id string, all []file, from, to int) (*file, error) {
	done := ltx.TXID(0)
	for _, f := range all {
		if f.level == to || f.level == levelSnapshot {
			done = max(done, f.max)
		}
	}
	var inputs []file
	for _, f := range all {
		if f.level == from && f.max > done && (len(inputs) == 0 || f.min == inputs[len(inputs)-1].max+1) {
			inputs = append(inputs, f)
		}
	}
	if len(inputs) < 2 {
		return nil, nil
	}
	return b.compact(ctx, id, inputs, to)
}

// snapshot makes a snapshot of the files in the bucket, without reading the tenant's database.
func (b *Backups) snapshot(ctx context.Context, id string, all []file, position ltx.TXID) (*file, error) {
	var inputs []file
	for at := ltx.TXID(0); at < position; {
		next := step(all, at, position)
		if next == nil {
			return nil, nil
		}
		inputs, at = append(inputs, *next), next.max
	}
	if len(inputs) < 2 {
		return nil, nil
	}
	return b.compact(ctx, id, inputs, levelSnapshot)
}

// compact stores one file with the changes of several.
func (b *Backups) compact(ctx context.Context, id string, inputs []file, level int) (*file, error) {
	var readers []io.Reader
	for _, f := range inputs {
		r, err := b.o.Bucket.Get(ctx, f.Key)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		readers = append(readers, r)
	}
	first, last := inputs[0].min, inputs[len(inputs)-1].max
	key := keyOf(id, level, first, last)
	err := b.upload(ctx, key, func(w io.Writer) error {
		compactor, err := ltx.NewCompactor(w, readers)
		if err != nil {
			return err
		}
		return compactor.Compact(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("merge %d files: %w", len(inputs), err)
	}
	return &file{bucket.Object{Key: key, Modified: time.Now()}, level, first, last}, nil
}

// expire removes files that were merged long enough ago, and those of which a later snapshot is older than what is
// kept. The newest snapshot from before that time stays, so that each point in time after it can be restored.
func (b *Backups) expire(ctx context.Context, all []file) error {
	now := time.Now()
	var base, merged ltx.TXID
	for _, f := range all {
		if f.level == levelSnapshot && now.Sub(f.Modified) > b.o.Keep {
			base = max(base, f.max)
		}
		if f.level == levelMerged {
			merged = max(merged, f.max)
		}
	}
	var keys []string
	for _, f := range all {
		age := now.Sub(f.Modified)
		old := f.max < base || f.level != levelSnapshot && f.max == base
		if old || f.level == levelStored && f.max <= merged && age > storedFor {
			keys = append(keys, f.Key)
		}
	}
	for some := range slices.Chunk(keys, 500) {
		if err := b.o.Bucket.Delete(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}
