package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"tenantry/tenants"
)

// Create writes a stamped copy of the template to a temporary file and links it to the tenant's name.
// The link fails if there is a file already, which is then kept.
func (e *Engine) Create(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := e.checkNotTrashed(t); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	template, err := e.loadTemplate(ctx)
	if err != nil {
		return err
	}
	content, err := template.copyFor(t.ID)
	if err != nil {
		return err
	}
	if err := e.install(name, content); err != nil {
		return fmt.Errorf("create %s: %w", name, fileError(err))
	}
	return nil
}

// install makes a durable file with the name and the content, or keeps an existing one.
func (e *Engine) install(name string, content []byte) error {
	temporary := temporaryName(name)
	err := e.checkNoSidecars(name)
	if err == nil {
		err = e.writeNew(temporary, content)
	}
	if err == nil {
		err = e.link(temporary, name)
	}
	if removed := e.files.remove(temporary); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return err
	}
	return e.files.sync(tenantsDir)
}

// checkNoSidecars returns ErrUnavailable if the database is missing but one of its sidecars exists: SQLite
// would use it for a new database.
func (e *Engine) checkNoSidecars(name string) error {
	exists, err := e.files.exists(name)
	if err != nil || exists {
		return err
	}
	for _, suffix := range sidecars() {
		exists, err := e.files.exists(name + suffix)
		if err == nil && exists {
			err = fmt.Errorf("%w: exists is %s without its database; move it to another folder", tenants.ErrUnavailable, name+suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link gives a temporary file its final name, or keeps an existing file of that name.
func (e *Engine) link(temporary, name string) error {
	if err := e.files.link(temporary, name); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
