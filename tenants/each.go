package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"gorm.io/gorm"
)

// Filter selects tenants. The zero value selects all that have a database.
type Filter struct {
	// State and Server select those in a state and on a server, if they aren't empty.
	State  State
	Server string
	// Labels selects tenants on servers that have all of these labels.
	Labels map[string]string
	// Settings selects those with all of these values: see Store.FilterSettings.
	Settings []SettingFilter
	// Subdomains selects those with one of these subdomains, if it isn't empty, and Except leaves out those with one of
	// them. A subdomain that no tenant has selects none.
	Subdomains, Except []string
}

// EachOptions configure Store.Each.
type EachOptions struct {
	// Parallel is how many tenants are visited at once. Defaults to 4; more than 32 count as 32.
	Parallel int
	// Timeout limits the time for one tenant. Defaults to 30 seconds.
	Timeout time.Duration
	// Write has f run in a transaction that may write, as Store.Maintain does: for code that changes rows of each tenant, or
	// enqueues a job in each. What f did for a tenant is stored if it returns nil. Defaults to a read-only transaction.
	Write bool
	// Failed is called with the error of each tenant that was skipped or failed: with the cause of the context's end if that is
	// the reason. It may be called concurrently, and may be nil.
	Failed func(t *Tenant, err error)
}

// Reach counts the tenants that Each was asked to visit.
type Reach struct {
	// Answered are those for which f returned nil, Failed those for which it or its scope failed.
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	// Skipped are those that can't be visited now: an operation works on them, or this build can't serve their schema version.
	Skipped int `json:"skipped"`
	// NotReached are those for which f wasn't called before the context ended.
	NotReached int `json:"not_reached"`
}

// IsWhole reports whether all answered.
func (r Reach) IsWhole() bool { return r.Failed+r.Skipped+r.NotReached == 0 }

const (
	defaultParallel, mostParallel = 4, 32
	eachPage                      = 500
)

// Each runs f in a scope on each tenant that the filter selects, several at once, in no order. Suspended,
// archived and closed tenants are among them. It opens the databases of idle tenants beside the handles that requests
// use, and closes them again: no other tenant's handle is closed for it, and requests get connections first, and the
// processors on SQLite: while other scopes come, all visits together take the turns of one tenant, with pauses. After an
// error on one tenant it goes on. When ctx ends it visits no more tenants, and those that it is visiting fail. Returns an error only if the tenants can't be
// read from the master.
func (s *Store) Each(ctx context.Context, filter Filter, o EachOptions, f func(t *Tenant, tx *gorm.DB) error) (Reach, error) {
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	count := counter{}
	selected := make(chan *Tenant)
	var visitors sync.WaitGroup
	for range min(cmp.Or(max(o.Parallel, 0), defaultParallel), mostParallel) {
		visitors.Go(func() {
			for t := range selected {
				count.note(s.visit(ctx, t, o, f))
			}
		})
	}
	err := s.eachSelected(ctx, filter, func(t *Tenant) { selected <- t })
	close(selected)
	visitors.Wait()
	return count.reach, err
}

// counter counts results. It is safe for concurrent use.
type counter struct {
	mu    sync.Mutex
	reach Reach
}

func (c *counter) add(f func(r *Reach)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.reach)
}

func (c *counter) note(err error) {
	c.add(func(r *Reach) {
		switch {
		case err == nil:
			r.Answered++
		case errors.Is(err, errNotReached):
			r.NotReached++
		case isSkipped(err):
			r.Skipped++
		default:
			r.Failed++
		}
	})
}

// isSkipped reports whether err means that the tenant can't be visited now.
func isSkipped(err error) bool {
	return errors.Is(err, ErrMaintenance) || errors.Is(err, ErrUnknownTenant) || errors.Is(err, ErrSchemaVersion)
}

// errNotReached means that the context ended before f was called.
var errNotReached = errors.New("not reached")

// visit runs f on one tenant. Returns errNotReached.
func (s *Store) visit(ctx context.Context, t *Tenant, o EachOptions, f func(t *Tenant, tx *gorm.DB) error) error {
	if ctx.Err() != nil {
		return errNotReached
	}
	limited, cancel := context.WithTimeout(AsChore(ctx), o.Timeout)
	defer cancel()
	may, run := access{check: (*Store).checkQueried, aside: true}, (*handle).view
	if o.Write {
		may.check, run = (*Store).checkChanged, (*handle).update
	}
	reached := false
	err := s.scope(limited, t, may, 0, run, func(tx *gorm.DB) error {
		reached = true
		return f(t, tx)
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCommitUnknown): // more than that the time was over
	case ctx.Err() != nil && !reached:
		return errNotReached
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("no answer within %v: %w", o.Timeout, limited.Err())
	}
	if o.Failed != nil {
		o.Failed(t, err)
	}
	return err
}

// checkQueried returns nil if operators can read the tenant's data, else the reason.
func (s *Store) checkQueried(t *Tenant) error {
	switch {
	case t.State == StatePurged || t.State == StateProvisioning:
		return ErrUnknownTenant
	case t.State == StateMaintenance && !t.ReadOnly:
		return ErrMaintenance
	}
	return s.checkSchema(t)
}

// checkChanged is checkQueried for those who write.
func (s *Store) checkChanged(t *Tenant) error {
	if t.ReadOnly {
		return ErrMaintenance
	}
	return s.checkQueried(t)
}

// eachSelected calls f for the tenants that the filter selects, in the order of their subdomains. It goes on when ctx has
// ended, so that those that are not reached are counted.
func (s *Store) eachSelected(ctx context.Context, filter Filter, f func(t *Tenant)) error {
	lasting := context.WithoutCancel(ctx)
	for after := ""; ; {
		var page []Tenant
		err := s.master.View(lasting, func(tx *gorm.DB) error {
			selected, err := filter.narrow(tx)
			if err != nil {
				return err
			}
			return selected.Where("subdomain > ?", after).Order("subdomain").Limit(eachPage).Find(&page).Error
		})
		if err != nil {
			return fmt.Errorf("find tenants: %w", err)
		}
		for i := range page {
			f(&page[i])
		}
		if len(page) < eachPage {
			return nil
		}
		after = page[len(page)-1].Subdomain
	}
}

// narrow adds the filter's conditions to a copy of tx.
func (f Filter) narrow(tx *gorm.DB) (*gorm.DB, error) {
	selected := tx.Where("state NOT IN ?", []State{StatePurged, StateProvisioning})
	if f.State != "" {
		selected = selected.Where("state = ?", f.State)
	}
	if f.Server != "" {
		selected = selected.Where("server = ?", f.Server)
	}
	for _, setting := range f.Settings {
		selected = setting.Narrow(selected)
	}
	if len(f.Subdomains) > 0 {
		selected = selected.Where("subdomain IN ?", f.Subdomains)
	}
	if len(f.Except) > 0 {
		selected = selected.Where("subdomain NOT IN ?", f.Except)
	}
	if len(f.Labels) == 0 {
		return selected, nil
	}
	var servers []Server
	if err := tx.Session(&gorm.Session{NewDB: true}).Find(&servers).Error; err != nil {
		return nil, err
	}
	names := []string{}
	for _, server := range servers {
		both := maps.Clone(server.Labels)
		maps.DeleteFunc(both, func(name, value string) bool { return f.Labels[name] != value })
		if len(both) == len(f.Labels) {
			names = append(names, server.Name)
		}
	}
	return selected.Where("server IN ?", names), nil
}
