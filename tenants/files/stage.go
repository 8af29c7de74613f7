package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// Staged is a content that is stored and that no row names yet.
type Staged struct {
	ID     string
	Size   int64
	SHA256 string

	store *Store
	of    *tenants.Tenant
	kept  bool // Keep was called: hooks of its scope decide
}

// Stage stores what r has as a file of the tenant's that no row names yet, and that is durable when Stage returns. The
// caller must call Discard. most bounds the file, in bytes, beside Options.MaxSize; 0 stands for no other bound. It needs
// no memory that grows with the file. Returns ErrTooLarge, ErrBusy, tenants.ErrFull, tenants.ErrUnavailable, or r's error.
func (s *Store) Stage(ctx context.Context, t *tenants.Tenant, r io.Reader, most int64) (*Staged, error) {
	if err := s.admit(t.ID); err != nil {
		return nil, err
	}
	defer s.leave(t.ID)
	if s.o.Room != nil {
		if err := s.o.Room(); err != nil {
			return nil, err
		}
	}
	if most == 0 || most > s.o.MaxSize {
		most = s.o.MaxSize
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Grace/2)
	defer cancel()
	u := &Staged{ID: strings.ToLower(ulid.Make().String()), store: s, of: t}
	if err := s.o.Bucket.Put(ctx, stagedKey(t.ID, u.ID), strings.NewReader("")); err != nil {
		return nil, fmt.Errorf("store a file: %w", storageError(err))
	}
	s.interrupt("marked")
	content := &measured{r: r, left: most, hash: sha256.New()}
	if err := s.o.Bucket.Put(ctx, contentKey(t.ID, u.ID), content); err != nil {
		u.Discard(ctx)
		return nil, fmt.Errorf("store a file: %w", storageError(err))
	}
	s.interrupt("staged")
	u.Size, u.SHA256 = content.size, hex.EncodeToString(content.hash.Sum(nil))
	return u, nil
}

// measured counts and hashes what is read.
type measured struct {
	r    io.Reader
	left int64 // how many bytes may come
	size int64
	hash hash.Hash
}

// Read returns ErrTooLarge when more comes than may.
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.size += int64(n); m.size > m.left {
		return 0, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, m.left)
	}
	m.hash.Write(p[:n])
	return n, err
}

// Keep writes the row of the file in the scope of tx, an Update of its tenant. If the scope is rolled back, the content is
// removed. Returns ErrFull if the tenant's files would exceed its limit; scopes that keep files at the same moment may
// exceed it together on Postgres.
func (u *Staged) Keep(tx *gorm.DB, mediaType string) (Row, error) {
	row := Row{ID: u.ID, Type: Type(mediaType), Size: u.Size, SHA256: u.SHA256, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	if err := u.store.CheckUsage(tx, u.of, u.Size); err != nil {
		return row, err
	}
	if err := tx.Create(&row).Error; err != nil {
		return row, fmt.Errorf("keep a file: %w", err)
	}
	if err := u.store.save(tx, row.ID); err != nil {
		return row, err
	}
	u.kept = true
	tenants.AfterRollback(tx, func(ctx context.Context, _ error) { u.drop(ctx, stagedKey(u.of.ID, u.ID), contentKey(u.of.ID, u.ID)) })
	tenants.AfterCommit(tx, func(ctx context.Context) {
		u.store.interrupt("committed")
		u.drop(ctx, stagedKey(u.of.ID, u.ID))
	})
	return row, nil
}

// CheckUsage returns ErrFull if the tenant of the scope would exceed its limit with so many bytes more.
func (s *Store) CheckUsage(tx *gorm.DB, t *tenants.Tenant, more int64) error {
	most := s.o.Tenants.Limits(t).Files
	if most == 0 {
		return nil
	}
	used, err := Usage(tx)
	if err == nil && used+more > most {
		err = fmt.Errorf("%w: they take %d bytes of at most %d, and this one has %d", ErrFull, used, most, more)
	}
	return err
}

// Discard removes the content, unless Keep was called. What it can't remove is left to Sweep.
func (u *Staged) Discard(ctx context.Context) {
	if !u.kept {
		u.drop(ctx, stagedKey(u.of.ID, u.ID), contentKey(u.of.ID, u.ID))
	}
}

// dropTimeout bounds the time that a request waits for the removal of what it doesn't keep.
const dropTimeout = 10 * time.Second

// drop removes objects. The content goes first, so that Sweep finds what remains.
func (u *Staged) drop(ctx context.Context, mark string, contents ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	err := u.store.o.Bucket.Delete(ctx, contents...)
	if err == nil {
		err = u.store.o.Bucket.Delete(ctx, mark)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		u.store.o.Log.WarnContext(ctx, "a file that was not kept is left to be swept", "tenant", u.of.Subdomain, "error", err)
	}
}
