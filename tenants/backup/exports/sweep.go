package exports

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/queue"
)

// longestSweep is the longest time between two sweeps.
const longestSweep = 15 * time.Minute

// Sweep marks the tenants that were written since their last backup without Committed being called, which is so for writes of
// other processes and of processes that died. It returns when ctx ends.
func (e *Exports) Sweep(ctx context.Context) {
	for ctx.Err() == nil {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.o.Log.WarnContext(ctx, "look for tenants that aren't backed up", "error", err)
		}
		queue.Wait(ctx, min(e.o.Interval/4, longestSweep))
	}
}

func (e *Exports) sweep(ctx context.Context) error {
	return e.compare(ctx, func(s standing) {
		if s.err == nil && !s.stored {
			e.Mark(s.tenant, s.since)
		}
	})
}

// standing says how the backup of a tenant stands.
type standing struct {
	tenant *tenants.Tenant
	stored bool      // everything that was committed until a few seconds ago
	never  bool      // there is no backup
	since  time.Time // if not stored: since when it isn't, as far as is known
	err    error     // its server can't be asked, or has no database of the name
}

// compare calls f for each tenant on a server whose tenants are backed up here. It asks each server once.
func (e *Exports) compare(ctx context.Context, f func(s standing)) error {
	known, err := e.known(ctx)
	if err != nil {
		return err
	}
	now, servers, changed := time.Now().UTC(), map[string]signs{}, []string{}
	err = backup.Each(ctx, e.o.Master, func(t *tenants.Tenant) {
		s, ok := servers[t.Server]
		if !ok {
			s = e.ask(ctx, t.Server)
			servers[t.Server] = s
		}
		if s.others || !t.State.IsSettled() {
			return
		}
		stands := s.compare(t, known[t.ID], e.o.Bucket.String(), now)
		if stands.err == nil && !stands.stored && !stands.never && known[t.ID].ChangedAt == nil {
			changed = append(changed, t.ID)
		}
		f(stands)
	})
	if err != nil {
		return err
	}
	return e.note(ctx, changed, now)
}

// signs are those of a server's databases.
type signs struct {
	of     map[string]string
	err    error
	others bool // its tenants aren't backed up here, or it can't be opened
}

func (e *Exports) ask(ctx context.Context, server string) (s signs) {
	exporter, err := e.exporter(server)
	if err != nil {
		return signs{err: err, others: true}
	}
	s.of, s.err = exporter.Signs(ctx)
	return s
}

func (s signs) compare(t *tenants.Tenant, known tenants.Export, bucket string, now time.Time) standing {
	sign, ok := s.of[t.Database]
	stands := standing{tenant: t, err: s.err, never: known.Bucket != bucket, since: now}
	if s.err == nil && !ok {
		stands.err = tenants.ErrNoDatabase
	}
	stands.stored = stands.err == nil && !stands.never && known.Sign == sign
	switch {
	case stands.never:
		stands.since = t.CreatedAt
	case known.ChangedAt != nil:
		stands.since = *known.ChangedAt
	}
	return stands
}

// known returns the last backups by the tenants' ids.
func (e *Exports) known(ctx context.Context) (map[string]tenants.Export, error) {
	var all []tenants.Export
	if err := e.o.Master.View(ctx, func(tx *gorm.DB) error { return tx.Find(&all).Error }); err != nil {
		return nil, err
	}
	known := make(map[string]tenants.Export, len(all))
	for _, x := range all {
		known[x.TenantID] = x
	}
	return known, nil
}

// note stores that tenants were written since their last backups.
func (e *Exports) note(ctx context.Context, ids []string, at time.Time) error {
	for some := range slices.Chunk(ids, 500) {
		err := e.o.Master.Update(ctx, func(tx *gorm.DB) error {
			return tx.Model(&tenants.Export{}).Where("tenant_id IN ? AND changed_at IS NULL", some).Update("changed_at", at).Error
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Survey adds the tenants that are backed up here to a survey, in which they are counted as others.
func (e *Exports) Survey(ctx context.Context, s *backup.Survey) error {
	return e.compare(ctx, func(stands standing) {
		s.Others--
		s.Tenants++
		switch {
		case stands.err != nil:
			s.Unreadable++
			return
		case stands.stored:
			s.Stored++
			return
		case stands.never:
			s.Never++
		}
		if s.Oldest == nil || stands.since.Before(*s.Oldest) {
			at := stands.since.UTC()
			s.Oldest = &at
		}
		s.Late = s.Late || time.Since(stands.since) > 2*e.o.Interval
	})
}
