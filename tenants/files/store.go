package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
)

// Options configure a Store.
type Options struct {
	// Bucket has the contents.
	Bucket bucket.Bucket
	// Backup gets a copy of each content, and has those of tenants below tenants/ID/files/. It may be nil.
	Backup bucket.Bucket
	// Keep is how long the copy of a removed file is kept.
	Keep time.Duration
	// Tenants are those whose files they are.
	Tenants *tenants.Store
	// MaxSize bounds one file, in bytes. It must be at least 1.
	MaxSize int64
	// Room returns an error that wraps tenants.ErrFull if the storage has too little room left. It may be nil.
	Room func() error
	// Grace is how old what no row names must be for Sweep to remove it, and twice as long as storing one file may take.
	// Defaults to 24 hours.
	Grace time.Duration
	// Log gets what can't be returned to a caller. Defaults to slog.Default().
	Log *slog.Logger
	// Interrupt is called with the name of each point between storing a content and publishing it, for tests that end the
	// process there. It may be nil.
	Interrupt func(point string)
}

// Store keeps the contents of files. It is safe for concurrent use.
type Store struct {
	o Options

	mu     sync.Mutex
	stages map[string]int // files that are being stored by tenant; "" counts all
}

// New returns a Store.
func New(o Options) *Store {
	if o.Grace == 0 {
		o.Grace = 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Store{o: o, stages: map[string]int{}}
}

// MaxSize returns how large one file may be, in bytes.
func (s *Store) MaxSize() int64 { return s.o.MaxSize }

// stagedFolder has an object for each content that may have no row yet.
const stagedFolder = "_staged"

func contentKey(tenantID, id string) string { return tenantID + "/" + id }
func stagedKey(tenantID, id string) string  { return stagedFolder + "/" + tenantID + "/" + id }

func backupKey(tenantID, id string) string { return "tenants/" + tenantID + "/files/" + id }

// Open returns a file's content, which the caller must close. Nothing is read before the first Read or Start.
func (s *Store) Open(ctx context.Context, t *tenants.Tenant, row Row) *Content {
	return &Content{size: row.Size, open: func(offset int64) (io.ReadCloser, error) { return s.open(ctx, t.ID, row.ID, offset) }}
}

// open returns a content from an offset on. If only the backup has it, it is read there. Returns ErrLost if it isn't there.
func (s *Store) open(ctx context.Context, tenantID, id string, offset int64) (io.ReadCloser, error) {
	content, err := bucket.GetFrom(ctx, s.o.Bucket, contentKey(tenantID, id), offset)
	if errors.Is(err, fs.ErrNotExist) && s.o.Backup != nil {
		content, err = bucket.GetFrom(ctx, s.o.Backup, backupKey(tenantID, id), offset)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	case err != nil:
		return nil, storageError(err)
	}
	return content, nil
}

// remove removes contents.
func (s *Store) remove(ctx context.Context, tenantID string, ids []string) error {
	keys := make([]string, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, contentKey(tenantID, id))
	}
	return storageError(s.o.Bucket.Delete(ctx, keys...))
}

// storageError translates an error of the bucket into one of package tenants.
func storageError(err error) error {
	switch {
	case errors.Is(err, bucket.ErrFull):
		return fmt.Errorf("%w: files: %w", tenants.ErrFull, err)
	case errors.Is(err, bucket.ErrUnavailable):
		return fmt.Errorf("%w: files: %w", tenants.ErrUnavailable, err)
	}
	return err
}

// How many files a process stores at the same time. On S3 each takes up to 16 MiB of memory.
const (
	mostStages       = 16
	mostTenantStages = 4
	// shareOfFree is the part of the free places that a tenant may hold, which is one at least: the more tenants store
	// files, the fewer places each of them gets, and a few can't hold all.
	shareOfFree = 3
)

// admit makes room for storing a file of a tenant. Returns ErrBusy if there is none. The caller must call leave.
func (s *Store) admit(tenantID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := mostStages - s.stages[""]
	if free == 0 || s.stages[tenantID] >= min(mostTenantStages, max(1, free/shareOfFree)) {
		return ErrBusy
	}
	s.stages[""]++
	s.stages[tenantID]++
	return nil
}

func (s *Store) leave(tenantID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stages[""]--
	if s.stages[tenantID]--; s.stages[tenantID] == 0 {
		delete(s.stages, tenantID)
	}
}

// interrupt is called at a named point.
func (s *Store) interrupt(point string) {
	if s.o.Interrupt != nil {
		s.o.Interrupt(point)
	}
}

// without returns the ids that are not among others.
func without(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

// parseStaged returns the tenant and the file of an object below the folder.
func parseStaged(key string) (tenantID, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, stagedFolder+"/")
	if ok {
		tenantID, id, ok = strings.Cut(rest, "/")
	}
	return tenantID, id, ok
}
