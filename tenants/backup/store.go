package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants/sqlite"
)

// source takes a snapshot of a database.
type source func(ctx context.Context, since sqlite.Stamp) (*sqlite.Snapshot, error)

// database is what is known of a database since the process began.
type database struct {
	stamp sqlite.Stamp // of its last snapshot
	known bool         // its state was compared with the bucket
}

// store stores what has changed of a database since its last backup. The caller must not call it for the same database
// at once.
func (b *Backups) store(ctx context.Context, id string, db *database, take source) (err error) {
	s, err := b.currentState(ctx, id, db)
	if err != nil {
		return err
	}
	if len(s.sums) == 0 {
		db.stamp = sqlite.Stamp{}
	}
	snapshot, err := take(ctx, db.stamp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	if snapshot.PageSize != s.pageSize && len(s.sums) > 0 {
		s.sums, db.stamp = nil, sqlite.Stamp{}
		if !snapshot.Whole {
			return b.store(ctx, id, db, take)
		}
	}
	next, changed, complete, err := s.advance(snapshot, time.Now())
	if err != nil {
		return err
	}
	if !complete {
		db.stamp = sqlite.Stamp{}
		if snapshot.Whole {
			return fmt.Errorf("snapshot of database %s lacks pages", id)
		}
		return b.store(ctx, id, db, take)
	}
	if changed.count == 0 && len(next.sums) == len(s.sums) {
		next.txid = s.txid
	} else if err := b.put(ctx, id, s, next, snapshot, changed); err != nil {
		return err
	}
	if err := b.saveState(id, next); err != nil {
		return err
	}
	db.stamp = snapshot.Stamp
	if next.txid != s.txid {
		return b.tidy(ctx, id, next.txid)
	}
	return nil
}

// currentState returns the state of a database. Its checksums are missing if the bucket's history doesn't end where
// the state does, for example because the data folder came out of an older copy: then the next file is a snapshot.
func (b *Backups) currentState(ctx context.Context, id string, db *database) (*state, error) {
	s, err := b.loadState(id)
	if err != nil || s != nil && db.known {
		return s, err
	}
	all, err := b.files(ctx, id)
	if err != nil {
		return nil, err
	}
	db.known = true
	stored := last(all)
	if s == nil || s.txid != stored && s.txid+1 != stored { // the process may have died before it saved its state
		return &state{txid: stored}, nil
	}
	return s, nil
}

// put stores the changed pages as the file of the next transaction, or all as a snapshot if there was no state.
func (b *Backups) put(ctx context.Context, id string, s, next *state, snapshot *sqlite.Snapshot, changed pageSet) error {
	header := ltx.Header{
		Version: ltx.Version, PageSize: next.pageSize, Commit: snapshot.PageCount,
		MinTXID: next.txid, MaxTXID: next.txid, Timestamp: next.at.Add(time.Millisecond - 1).UnixMilli(), PreApplyChecksum: s.checksum(),
	}
	level := levelStored
	if len(s.sums) == 0 {
		level, header.MinTXID, header.PreApplyChecksum = levelSnapshot, 1, 0
	}
	return b.upload(ctx, keyOf(id, level, header.MinTXID, header.MaxTXID), func(w io.Writer) error {
		return encode(w, header, next.checksum(), snapshot, changed)
	})
}

// upload stores what write writes.
func (b *Backups) upload(ctx context.Context, key string, write func(w io.Writer) error) error {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(write(w)) }() // which never fails
	defer r.Close()                                // ends write
	return b.o.Bucket.Put(ctx, key, r)
}

func encode(w io.Writer, header ltx.Header, after ltx.Checksum, snapshot *sqlite.Snapshot, changed pageSet) error {
	encoder, err := ltx.NewEncoder(w)
	if err != nil {
		return err
	}
	if err := encoder.EncodeHeader(header); err != nil {
		return err
	}
	err = snapshot.Each(func(number uint32, page []byte) error {
		if !changed.has[number-1] {
			return nil
		}
		return encoder.EncodePage(ltx.PageHeader{Pgno: number}, page)
	})
	if err != nil {
		return err
	}
	encoder.SetPostApplyChecksum(after)
	return encoder.Close()
}
