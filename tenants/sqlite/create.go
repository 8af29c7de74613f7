package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"tenantry/tenants"
)

// Create writes a stamped copy of the template, and puts it in its place with
// a link, which fails where a file is already: then that one is kept.
func (e *Engine) Create(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := e.notTrashed(t); err != nil {
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
	if err := e.place(name, content); err != nil {
		return fmt.Errorf("create %s: %w", name, fileError(err))
	}
	return nil
}

// place makes name a durable file with the content, or keeps the one there.
func (e *Engine) place(name string, content []byte) error {
	temporary := temporaryName(name)
	err := e.notLeft(name)
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

// notLeft returns ErrUnavailable when there is something beside a database that
// is missing: SQLite would take it for the new one's.
func (e *Engine) notLeft(name string) error {
	there, err := e.files.exists(name)
	if err != nil || there {
		return err
	}
	for _, suffix := range sidecars() {
		left, err := e.files.exists(name + suffix)
		if err == nil && left {
			err = fmt.Errorf("%w: there is %s without its database; keep it elsewhere, and remove it here", tenants.ErrUnavailable, name+suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link gives a temporary file its name, or keeps the one of that name.
func (e *Engine) link(temporary, name string) error {
	if err := e.files.link(temporary, name); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
