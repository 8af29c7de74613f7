package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// ClearTemplates removes the templates of other migrations than this program's from all
// servers. Call it at the end of a migration. A process of an older build that still creates
// tenants recreates its template. ClearTemplates skips a server that doesn't answer, and
// reports it in the error.
func (m *Manager) ClearTemplates(ctx context.Context) error {
	var all error
	for _, name := range m.store.Servers() {
		engine, err := m.store.Server(name)
		if err == nil {
			err = clearTemplates(ctx, engine)
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("server %q: %w", name, err))
		}
	}
	return all
}

func clearTemplates(ctx context.Context, engine tenants.Engine) error {
	objects, err := engine.Survey(ctx)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Kind != tenants.ObjectTemplate {
			continue
		}
		if err := engine.Discard(ctx, o); err != nil && !errors.Is(err, tenants.ErrInUse) {
			return err
		}
	}
	return nil
}
