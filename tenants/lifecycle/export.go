package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// ErrNotCopied means that a tenant can't be copied in its state.
var ErrNotCopied = errors.New("only a tenant that is active, suspended or archived can be copied")

// Export describes a file to make of a tenant.
type Export struct {
	// Path is the file. It must not exist.
	Path string
	// Credentials includes those that the schema names.
	Credentials bool
	// WithoutFiles leaves out the contents of the tenant's files.
	WithoutFiles bool
	// Note tells the tenant of the export. Defaults to Options.NoteExport.
	Note func(ctx context.Context, t *tenants.Tenant) error
	// Progress is called when so many of all tables are written. It may be nil.
	Progress func(done, all int)
}

// Contents has the contents of tenants' files.
type Contents interface {
	// ReadContent returns a content by the file's id. The error wraps fs.ErrNotExist if there is none.
	ReadContent(ctx context.Context, tenantID, id string) (io.ReadCloser, error)
	// WriteContent stores a content for a tenant that is being created, in place of a content with this id. Returns a
	// *tenants.SourceError unless the content has that SHA-256.
	WriteContent(ctx context.Context, tenantID, id, sha256 string, content io.Reader) error
}

// mostExports is the number of tenants that a process exports at the same time.
const mostExports = 2

// Export writes a portable file of the tenant, which goes on working, and records that in the ledger. The file is
// whole and durable when Export returns; after an error there is none. Returns ErrNotCopied, or a
// *tenants.RoomError.
func (m *Manager) Export(ctx context.Context, by Operator, subdomain string, e Export) (a portable.About, err error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil {
		return a, err
	}
	if err := m.exporting.Acquire(ctx, 1); err != nil {
		return a, context.Cause(ctx)
	}
	defer m.exporting.Release(1)
	if a, err = m.export(ctx, by, t, e); err != nil {
		if removed := os.Remove(e.Path); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
		return a, fmt.Errorf("export tenant %q: %w", subdomain, err)
	}
	return a, nil
}

func (m *Manager) export(ctx context.Context, by Operator, t *tenants.Tenant, e Export) (a portable.About, err error) {
	from, err := m.snapshot(ctx, t)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := m.checkRoom(ctx, t, filepath.Dir(e.Path)); err != nil {
		return a, err
	}
	a = portable.About{ExportedAt: time.Now().UTC(), Subdomain: t.Subdomain, Name: t.Name, Settings: t.Settings.String(), Credentials: e.Credentials}
	o := portable.Options{Schema: m.schema, Progress: e.Progress}
	if !e.Credentials {
		o.Omit = m.schema.Credentials
	}
	if m.contents != nil && !e.WithoutFiles {
		o.Contents = func(ctx context.Context, id string) (io.ReadCloser, error) {
			return m.contents.ReadContent(ctx, t.ID, id)
		}
	}
	if a, err = portable.Write(ctx, m.files, e.Path, from, a, o); err != nil {
		return a, err
	}
	return a, m.recordExport(ctx, by, t, e, a)
}

// snapshot begins to read the tenant's database.
func (m *Manager) snapshot(ctx context.Context, t *tenants.Tenant) (tenants.RowReader, error) {
	if !t.State.IsSettled() {
		return nil, fmt.Errorf("%w: it is %s", ErrNotCopied, t.State)
	}
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return nil, err
	}
	return engine.Rows(ctx, t)
}

// checkRoom returns a *tenants.RoomError if the folder's disk has no room for a file of the tenant. It knows only roughly
// how large the file becomes.
func (m *Manager) checkRoom(ctx context.Context, t *tenants.Tenant, dir string) error {
	size, err := m.sizeOf(ctx, t)
	if err != nil {
		return err
	}
	if free, known := m.files.Free(dir); known && free < size {
		return &tenants.RoomError{Where: "the disk of " + dir, Need: size, Free: free}
	}
	return nil
}

// recordExport records the export in the ledger, as an operation that is done, and for the tenant. It does so beside
// another operation on the tenant.
func (m *Manager) recordExport(ctx context.Context, by Operator, t *tenants.Tenant, e Export, a portable.About) error {
	j, err := m.begin(ctx, by, tenants.KindExport, func(_ *gorm.DB, j *job) error {
		j.tenant, j.params.Credentials, j.params.Rows = *t, e.Credentials, a.Rows()
		return nil
	})
	if err != nil {
		return err
	}
	m.store.Process().Release(j.op.ID)
	note := e.Note
	if note == nil {
		note = m.noteExport
	}
	if note == nil {
		return nil
	}
	if err := note(ctx, t); err != nil {
		m.log.WarnContext(ctx, "tell a tenant of its export", "tenant", t.Subdomain, "error", err)
	}
	return nil
}
