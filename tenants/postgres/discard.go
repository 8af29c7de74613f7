package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// errNotOurs means that the object belongs to another installation or program.
var errNotOurs = errors.New("it is not an object of this installation")

// Discard drops an old template or a draft, unless a process is building one. A program with other
// migrations that misses its template makes it again.
func (e *Engine) Discard(ctx context.Context, o tenants.Object) error {
	if err := e.discard(ctx, o); err != nil {
		return fmt.Errorf("discard %q: %w", o.Name, asProvisioner(err))
	}
	return nil
}

func (e *Engine) discard(ctx context.Context, o tenants.Object) error {
	if o.Name == e.template.name {
		return fmt.Errorf("%w: it is the current template", tenants.ErrInUse)
	}
	objects, err := e.survey(ctx)
	if err != nil {
		return err
	}
	for _, listed := range objects {
		if listed.Name != o.Name {
			continue
		}
		if listed.Kind != tenants.ObjectTemplate && listed.Kind != tenants.ObjectTemporary {
			return fmt.Errorf("%w: it is a tenant's", tenants.ErrInUse)
		}
		if strings.HasPrefix(o.Name, e.adoptionPrefix()) || strings.HasPrefix(o.Name, e.scratchPrefix()) {
			return e.discardUnconnected(ctx, o.Name)
		}
		return e.discardUnlocked(ctx, o.Name)
	}
	there, _, err := e.findBoth(ctx, o.Name, o.Name)
	if err == nil && there {
		err = errNotOurs
	}
	return err
}

// discardUnconnected drops an unfinished adoption or a rehearsal, unless a session is connected to it, as the process
// that works on it is.
func (e *Engine) discardUnconnected(ctx context.Context, name string) error {
	err := e.exec(ctx, "DROP DATABASE IF EXISTS %s", name)
	if stateOf(err) == codeObjectInUse {
		return fmt.Errorf("%w: %w", tenants.ErrInUse, err)
	}
	return err
}

// discardUnlocked drops a template or draft if it can take the lock of the processes that build them.
func (e *Engine) discardUnlocked(ctx context.Context, name string) error {
	lock, err := e.admin.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer lock.Rollback() // releases the lock; there is nothing to commit
	var free bool
	if err := lock.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(templateLock)).Scan(&free); err != nil {
		return err
	}
	if !free {
		return fmt.Errorf("%w: somebody is building a template", tenants.ErrInUse)
	}
	err = e.exec(ctx, "ALTER DATABASE %s WITH IS_TEMPLATE false", name)
	if err == nil {
		err = e.exec(ctx, "DROP DATABASE %s WITH (FORCE)", name)
	}
	switch stateOf(err) {
	case codeUnknownDatabase: // it was dropped meanwhile
		return nil
	case codeObjectInUse:
		return fmt.Errorf("%w: %w", tenants.ErrInUse, err)
	}
	return err
}
