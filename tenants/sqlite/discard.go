package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"tenantry/tenants"
)

// abandonedAfter is the age from which a temporary file counts as abandoned by its writer.
const abandonedAfter = time.Hour

// Discard removes an old template, or a temporary file that was not written to for an hour. A process
// may still be writing to a younger one.
func (e *Engine) Discard(_ context.Context, o tenants.Object) error {
	all, err := e.survey()
	if err != nil {
		return fmt.Errorf("discard %q: %w", o.Name, fileError(err))
	}
	f, listed := all[o.Name]
	switch {
	case !listed:
		return e.notListed(o)
	case f.Kind != tenants.ObjectTemplate && f.Kind != tenants.ObjectTemporary:
		return fmt.Errorf("discard %q: %w: it is a tenant's", o.Name, tenants.ErrInUse)
	case f.Kind == tenants.ObjectTemporary && f.Age < abandonedAfter:
		return fmt.Errorf("discard %q: %w: it was written to less than %v ago", o.Name, tenants.ErrInUse, abandonedAfter)
	}
	if err := e.removeDatabase(o.Name); err != nil {
		return fmt.Errorf("discard %q: %w", o.Name, fileError(err))
	}
	return e.files.sync(filepath.Dir(o.Name))
}

// notListed returns nil if the object is gone, and an error if it is not the engine's or is in use.
func (e *Engine) notListed(o tenants.Object) error {
	_, ours := objectOf(o.Name)
	switch exists, err := e.files.exists(o.Name); {
	case err != nil || !ours:
		return fmt.Errorf("discard %q: it is not an object of this engine", o.Name)
	case exists:
		return fmt.Errorf("discard %q: %w: it is the current template", o.Name, tenants.ErrInUse)
	}
	return nil
}
