package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/text"
)

const (
	// maxMessage is the longest message about maintenance, in characters.
	maxMessage = 500
	// closedAtOnce is how many tenants MaintainAll changes at once.
	closedAtOnce = 8
)

// Maintenance says how to close tenants for maintenance, or to serve them again.
type Maintenance struct {
	On bool
	// Message tells people why. It is one line and may be empty.
	Message string
	// Until is when the tenants are expected to be served again. It is zero if that isn't known.
	Until time.Time
}

// BadMaintenanceError means that a message or a time can't be announced.
type BadMaintenanceError struct {
	// Field is message or until. Message says which values are valid.
	Field, Message string
}

// Error returns the field and the message.
func (e *BadMaintenanceError) Error() string { return e.Field + " " + e.Message }

// ReadMaintenance parses how to close tenants, as a person typed it: until is a time, a duration from now, or empty. Returns
// a *BadMaintenanceError.
func ReadMaintenance(message, until string, now time.Time) (Maintenance, error) {
	m := Maintenance{On: true, Message: strings.TrimSpace(message)}
	if m.Message != "" {
		if fault := text.Line(m.Message, maxMessage); fault != "" {
			return m, &BadMaintenanceError{"message", fault}
		}
	}
	if until = strings.TrimSpace(until); until == "" {
		return m, nil
	}
	at, err := readTime("until", until)
	if after, wrong := time.ParseDuration(until); wrong == nil {
		at, err = now.Add(after), nil
	}
	switch {
	case err != nil:
		return m, &BadMaintenanceError{"until", "must be a time such as 2026-03-31T08:00Z, or a duration from now such as 2h"}
	case !at.After(now):
		return m, &BadMaintenanceError{"until", "must be in the future"}
	}
	m.Until = at.UTC().Truncate(time.Second)
	return m, nil
}

// SetMaintenance closes the tenant for maintenance, or serves it again, in every process within a second. Like Suspend it
// returns when no request is running any more. A suspended or archived tenant stays so. Closing a closed tenant changes
// what people are told. Returns tenants.ErrUnknownTenant, a *StateError or an *UnderWayError.
func (m *Manager) SetMaintenance(ctx context.Context, by Operator, subdomain string, to Maintenance) (*tenants.Tenant, error) {
	asked := params{To: "off"}
	if to.On {
		asked = params{To: "on", Message: to.Message, Until: optional(to.Until)}
	}
	return m.doAsked(ctx, by, tenants.KindMaintenance, subdomain, asked, func(tx *gorm.DB, j *job) error {
		was := j.tenant.Maintenance
		if !j.tenant.State.IsSettled() {
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
		}
		if !to.On {
			if !was.IsOn() {
				return errUnchanged
			}
			j.plan.steps = nil
			return mark(tx, j, map[string]any{"maintenance_since": nil, "maintenance_message": "", "maintenance_until": nil})
		}
		until, since := asked.Until, was.Since
		if was.IsOn() && was.Message == to.Message && sameTime(was.Until, until) {
			return errUnchanged
		}
		if since == nil {
			since = &j.now
		}
		return mark(tx, j, map[string]any{"maintenance_since": since, "maintenance_message": to.Message, "maintenance_until": until})
	})
}

// optional returns nil for the zero time.
func optional(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// MaintainAll is SetMaintenance for all active and suspended tenants, several at once. It calls done for each of them, one
// call at a time, and goes on after an error. It returns an error if it could not read the tenants, or if ctx ended.
func (m *Manager) MaintainAll(ctx context.Context, by Operator, to Maintenance, done func(t *tenants.Tenant, err error)) error {
	type result struct {
		tenant *tenants.Tenant
		err    error
	}
	results, told := make(chan result), make(chan struct{})
	go func() {
		defer close(told)
		for r := range results {
			done(r.tenant, r.err)
		}
	}()
	var group errgroup.Group
	group.SetLimit(closedAtOnce)
	err := m.eachServed(ctx, func(t *tenants.Tenant) {
		group.Go(func() error {
			_, err := m.SetMaintenance(ctx, by, t.ID, to)
			results <- result{t, err}
			return nil
		})
	})
	_ = group.Wait() // its functions return nil
	close(results)
	<-told
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// eachServed calls f for all active and suspended tenants, until ctx ends.
func (m *Manager) eachServed(ctx context.Context, f func(t *tenants.Tenant)) error {
	const size = 500
	for after := ""; ctx.Err() == nil; {
		page, next, err := m.Find(ctx, Search{Present: true}, after, size)
		if err != nil {
			return fmt.Errorf("find tenants: %w", err)
		}
		for i := range page {
			if state := page[i].State; ctx.Err() == nil && (state == tenants.StateActive || state == tenants.StateSuspended) {
				f(&page[i])
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
	return nil
}
