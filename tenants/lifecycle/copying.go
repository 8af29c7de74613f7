package lifecycle

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// copying is a copy of a tenant's database to another server that goes on from one step of a move to a later one: it is made while
// the tenant is served, waits until nothing is written any more, and brings over what has changed.
type copying struct {
	stop   context.CancelFunc
	copied chan struct{} // closed when the first copy is made
	frozen chan struct{} // closed when nothing is written any more
	done   chan struct{} // closed when the copy is complete, or can't be made
	err    error         // why it can't
}

// copyServed copies the database, and leaves the job with the copy to complete. A job without one makes it in the step "load".
func copyServed(m *Manager, ctx context.Context, j *job) error {
	ctx, stop := context.WithCancel(ctx)
	c := &copying{stop: stop, copied: make(chan struct{}), frozen: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = m.loadTarget(ctx, j.tenant, j.params, func(ctx context.Context, from tenants.Snapshot, into tenants.RowWriter) error {
			return portable.CopyServed(ctx, from, into, portable.Options{Schema: m.schema}, c.freeze)
		})
	}()
	j.copying = c
	select {
	case <-c.copied:
		return nil
	case <-c.done:
		return c.err
	}
}

// freeze says that the first copy is made, and waits until nothing is written any more.
func (c *copying) freeze(ctx context.Context) error {
	close(c.copied)
	select {
	case <-c.frozen:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stopCopying ends the copy that is under way, if there is one. What it has made is removed.
func (j *job) stopCopying() {
	if j.copying == nil {
		return
	}
	j.copying.stop()
	<-j.copying.done
	j.copying = nil
}

// freeze makes the tenant read-only.
func freeze(tx *gorm.DB, j *job) error {
	if j.tenant.State != tenants.StateActive {
		return mark(tx, j, map[string]any{"state": j.tenant.State})
	}
	return mark(tx, j, map[string]any{"state": tenants.StateMaintenance, "read_only": true})
}

// moveDatabase completes the copy while the tenant is read-only. If the process that began it is gone, it makes another.
func moveDatabase(m *Manager, ctx context.Context, j *job) error {
	if j.copying == nil {
		return m.loadTarget(ctx, j.tenant, j.params, func(ctx context.Context, from tenants.Snapshot, into tenants.RowWriter) error {
			_, err := portable.Copy(ctx, from, into, portable.Options{Schema: m.schema})
			return err
		})
	}
	close(j.copying.frozen)
	<-j.copying.done
	err := j.copying.err
	j.stopCopying()
	return err
}

// loadTarget makes the tenant's database on the server to which it moves.
func (m *Manager) loadTarget(ctx context.Context, t tenants.Tenant, p params, fill func(ctx context.Context, from tenants.Snapshot, into tenants.RowWriter) error) (err error) {
	moved, target, err := m.target(t, p)
	if err != nil {
		return err
	}
	if target.SchemaVersion() < p.Version {
		return errNewerBuild
	}
	source, err := m.store.Server(t.Server)
	if err != nil {
		return err
	}
	if err := target.Drop(ctx, moved); err != nil { // what an attempt has left that was not recorded
		return err
	}
	from, err := source.Rows(ctx, &t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return target.Load(ctx, moved, from.Version(), func(ctx context.Context, into tenants.RowWriter) error { return fill(ctx, from, into) })
}
