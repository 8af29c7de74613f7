package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// Clone creates a tenant with the data that another one has at this moment, by the name and on the server of that one
// unless n says otherwise. Both go on working. People have their passwords in the copy; sessions, tokens and invitations
// of the first are worth nothing there, and its jobs don't run for the copy. If the process dies, another one copies again. Returns ErrNotCopied, or the errors
// of Create.
func (m *Manager) Clone(ctx context.Context, by Operator, subdomain string, n NewTenant) (*tenants.Tenant, error) {
	source, err := m.Get(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	if !source.State.IsSettled() {
		return nil, fmt.Errorf("clone tenant %q: %w: it is %s", subdomain, ErrNotCopied, source.State)
	}
	if n.Name == "" {
		n.Name = source.Name
	}
	if n.Server == "" && len(n.Labels) == 0 {
		n.Server = source.Server
	}
	n.By, n.of = by, source
	return m.create(ctx, tenants.KindClone, n)
}

// loadDatabase copies the file or the tenant into the database of a tenant that is being created.
func loadDatabase(m *Manager, ctx context.Context, j *job) (err error) {
	engine, err := m.builder(j)
	if err != nil {
		return err
	}
	if j.op.Attempts > 1 { // the source may have changed since
		if err := engine.Drop(ctx, &j.tenant); err != nil {
			return err
		}
	}
	from, o, err := m.sourceOf(ctx, j)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	err = engine.Load(ctx, &j.tenant, from.Version(), func(ctx context.Context, into tenants.RowWriter) error {
		_, err := portable.Copy(ctx, from, into, o)
		return err
	})
	if err == nil {
		err = m.loadContents(ctx, j, from)
	}
	j.tenant.SchemaVersion = from.Version()
	return err
}

// loadContents stores the contents of files that a portable file has.
func (m *Manager) loadContents(ctx context.Context, j *job, from tenants.RowReader) error {
	file, ok := from.(portable.FileReader)
	if !ok || m.contents == nil {
		return nil
	}
	return file.Contents(ctx, func(id, sha256 string, content io.Reader) error {
		return m.contents.WriteContent(ctx, j.tenant.ID, id, sha256, content)
	})
}

// sourceOf opens what the job copies.
func (m *Manager) sourceOf(ctx context.Context, j *job) (tenants.RowReader, portable.Options, error) {
	o := portable.Options{Schema: m.schema, Progress: j.progress}
	if j.params.File != "" {
		from, about, err := portable.Open(ctx, m.files, j.params.File, m.schema)
		o.Expected = about.Tables
		return from, o, err
	}
	source, err := m.Get(ctx, j.params.Of)
	if err != nil {
		return nil, o, err
	}
	o.Omit = slices.DeleteFunc(slices.Clone(m.schema.Credentials), func(name string) bool { return strings.Contains(name, ".") })
	o.Omit = append(o.Omit, m.schema.NotCloned...)
	from, err := m.snapshot(ctx, source)
	return from, o, err
}

// checkFile opens the file of a tenant to create, and closes it: a file that is not right is refused before the
// subdomain is reserved. The tenant gets the file's settings, unless it has some.
func (m *Manager) checkFile(ctx context.Context, path string, t *tenants.Tenant) error {
	r, about, err := portable.Open(ctx, m.files, path, m.schema)
	if err != nil {
		return err
	}
	if t.Settings.String() == "{}" {
		if t.Settings, err = tenants.ParseStoredSettings(about.Settings); err != nil {
			err = &tenants.SourceError{Reason: err.Error()}
		}
	}
	return errors.Join(err, r.Close())
}
