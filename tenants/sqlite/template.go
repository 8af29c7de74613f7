package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants/migrate"
)

// template is an empty tenant's database, in memory. A new tenant's file is a copy in which the
// tenant's id replaces the placeholder.
type template struct {
	content []byte
	idAt    int // position of the placeholder
}

// placeholder is in the template where a tenant's id goes. It has the length of an id, so that copying
// the id over it stamps the copy without opening it: SQLite stores a short text as its bytes, without a
// checksum.
var placeholder = strings.Repeat("0", ulid.EncodedSize)

// copyFor returns the content of a new tenant's file.
func (t *template) copyFor(id string) ([]byte, error) {
	if len(id) != len(placeholder) {
		return nil, fmt.Errorf("tenant id %q has not %d characters", id, len(placeholder))
	}
	content := bytes.Clone(t.content)
	copy(content[t.idAt:], id)
	return content, nil
}

func newTemplate(content []byte) (*template, error) {
	if n := bytes.Count(content, []byte(placeholder)); n != 1 {
		return nil, fmt.Errorf("template contains the placeholder for the tenant's id %d times", n)
	}
	return &template{content, bytes.Index(content, []byte(placeholder))}, nil
}

// loadTemplate reads the template of the current migrations, and builds it if it is missing.
func (e *Engine) loadTemplate(ctx context.Context) (*template, error) {
	e.templateMu.Lock()
	defer e.templateMu.Unlock()
	if e.template != nil {
		return e.template, nil
	}
	name, err := e.templateName()
	if err != nil {
		return nil, err
	}
	content, err := e.files.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = e.buildTemplate(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("template of a tenant's database: %w", fileError(err))
	}
	e.template, err = newTemplate(content)
	return e.template, err
}

// templateName returns the name of the current migrations' template.
func (e *Engine) templateName() (string, error) {
	hash, err := migrate.Hash(e.schema.Migrations[Dialect])
	return filepath.Join(templatesDir, hash+".db"), err
}

// buildTemplate runs the migrations on a temporary file, and renames it when it is closed, checkpointed
// and durable. Two processes that build the template at once make the same one.
func (e *Engine) buildTemplate(ctx context.Context, name string) ([]byte, error) {
	temporary := temporaryName(name)
	defer e.removeDatabase(temporary)
	if err := e.writeNew(temporary, nil); err != nil {
		return nil, err
	}
	if err := e.migrateTemplate(ctx, e.files.path(temporary)); err != nil {
		return nil, err
	}
	if _, err := e.files.lstat(temporary + "-wal"); err == nil {
		return nil, errors.New("template has a -wal file after it was closed")
	}
	content, err := e.files.readFile(temporary)
	if err != nil {
		return nil, err
	}
	return content, errors.Join(e.files.sync(temporary), e.files.rename(temporary, name), e.files.sync(templatesDir))
}

func (e *Engine) migrateTemplate(ctx context.Context, path string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_txlock=immediate&_journal_mode=WAL")})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := migrate.Up(ctx, db, Dialect, e.schema.Migrations[Dialect]); err != nil {
		return err
	}
	for _, statement := range []string{
		fmt.Sprintf("PRAGMA application_id=%d", applicationID),
		"CREATE TABLE " + identityTable + " (tenant_id TEXT NOT NULL)",
		fmt.Sprintf("INSERT INTO %s VALUES ('%s')", identityTable, placeholder),
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// writeNew writes and syncs a new file, accessible to its owner only.
func (e *Engine) writeNew(name string, content []byte) error {
	f, err := e.files.openFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}
