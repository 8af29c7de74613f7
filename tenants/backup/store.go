package backup

import (
	"context"
	"errors"
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

// store stores what has changed of a database since its last backup. It is safe to call for the same database at once.
func (b *Backups) store(ctx context.Context, id string, db *database, take source) error {
	return b.compare(ctx, id, db, take, func(c *captured) (bool, error) { return true, b.put(ctx, id, c) })
}

// isStored reports whether a database is as it was backed up last.
func (b *Backups) isStored(ctx context.Context, id string, take source) (stored bool, err error) {
	stored = true
	err = b.compare(ctx, id, &database{}, take, func(*captured) (bool, error) {
		stored = false
		return false, nil
	})
	return stored, err
}

// compare takes a snapshot of a database and compares it with its state. If it differs, put is called, and returns
// whether it has stored the changes.
func (b *Backups) compare(ctx context.Context, id string, db *database, take source, put func(c *captured) (bool, error)) (err error) {
	file, err := b.openState(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s, err := b.currentState(ctx, file, db)
	if err != nil {
		return err
	}
	if len(s.sums) == 0 {
		db.stamp = sqlite.Stamp{}
	}
	c, err := capture(ctx, s, db.stamp, take)
	if errors.Is(err, errIncomplete) {
		c, err = capture(ctx, s, sqlite.Stamp{}, take)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.snapshot.Close()) }()
	if c.isEmpty() {
		c.next.txid = s.txid
	} else if stored, err := put(c); err != nil || !stored {
		return err
	}
	if err := file.save(c.next); err != nil {
		return err
	}
	db.stamp = c.snapshot.Stamp
	if c.isEmpty() {
		return nil
	}
	return b.tidy(ctx, id, c.next.txid)
}

// captured is a snapshot, compared with the state before it.
type captured struct {
	before, next *state
	snapshot     *sqlite.Snapshot
	changed      pageSet
}

// errIncomplete means that a snapshot leaves out pages that the state doesn't know.
var errIncomplete = errors.New("snapshot lacks pages")

func capture(ctx context.Context, s *state, since sqlite.Stamp, take source) (*captured, error) {
	snapshot, err := take(ctx, since)
	if err != nil {
		return nil, err
	}
	if snapshot.PageSize != s.pageSize { // after VACUUM with another size; nothing is as it was
		s = &state{txid: s.txid}
	}
	c := &captured{before: s, snapshot: snapshot}
	complete := false
	c.next, c.changed, complete, err = s.advance(snapshot, time.Now())
	if err == nil && !complete {
		err = errIncomplete
	}
	if err != nil {
		return nil, errors.Join(err, snapshot.Close())
	}
	return c, nil
}

func (c *captured) isEmpty() bool {
	return c.changed.count == 0 && len(c.next.sums) == len(c.before.sums)
}

// currentState returns the state of a database. Its checksums are missing if the bucket's history doesn't end where
// the state does, for example because the data folder came out of an older copy: then the next file is a snapshot.
func (b *Backups) currentState(ctx context.Context, file *stateFile, db *database) (*state, error) {
	s, err := file.load(b.o.Log)
	if err != nil || s != nil && db.known {
		return s, err
	}
	all, err := b.files(ctx, file.id)
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
func (b *Backups) put(ctx context.Context, id string, c *captured) error {
	next := c.next
	header := ltx.Header{
		Version: ltx.Version, PageSize: next.pageSize, Commit: c.snapshot.PageCount,
		MinTXID: next.txid, MaxTXID: next.txid, Timestamp: next.at.Add(time.Millisecond - 1).UnixMilli(), PreApplyChecksum: c.before.checksum(),
	}
	level := levelStored
	if len(c.before.sums) == 0 {
		level, header.MinTXID, header.PreApplyChecksum = levelSnapshot, 1, 0
	}
	return b.upload(ctx, keyOf(id, level, header.MinTXID, header.MaxTXID), func(w io.Writer) error {
		return encode(w, header, next.checksum(), c.snapshot, c.changed)
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
