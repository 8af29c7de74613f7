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
			return e.layout.discard(ctx, o.Name)
		}
		return e.discardUnlocked(ctx, o.Name)
	}
	there, _, err := e.layout.find(ctx, o.Name, o.Name)
	if err == nil && there {
		err = errNotOurs
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
	err = e.layout.mark(ctx, name, false)
	if err == nil {
		err = e.layout.remove(ctx, name)
	}
	switch {
	case isUnknown(err): // it was dropped meanwhile
		return nil
	case stateOf(err) == codeObjectInUse:
		return fmt.Errorf("%w: %w", tenants.ErrInUse, err)
	}
	return err
}
