// Package fleet runs migrations over many tenants.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Progress tells of one tenant that a pass is through with.
type Progress struct {
	Subdomain   string
	Done, Total int
	// Err is why the tenant could not be migrated, nil if it was.
	Err error
}

// Failure is a tenant that could not be migrated.
type Failure struct {
	Subdomain string
	Err       error
}

// PartialError: some tenants could not be migrated; the others were.
type PartialError struct {
	Migrated int
	Failed   []Failure
}

// Error names the first failure and counts the others.
func (e *PartialError) Error() string {
	first := e.Failed[0]
	return fmt.Sprintf("%d tenants migrated, %d failed, the first of them %q: %v",
		e.Migrated, len(e.Failed), first.Subdomain, first.Err)
}

// Unwrap is the failures' causes.
func (e *PartialError) Unwrap() []error {
	causes := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		causes[i] = f.Err
	}
	return causes
}

// abreast is how many tenants a pass is at at once. Most of them wait until other
// processes have let go of them, and few are migrated at a time.
const abreast = 32

// withDatabase are the states in which a tenant has a database.
var withDatabase = []tenants.State{
	tenants.StateActive, tenants.StateSuspended, tenants.StateArchived, tenants.StateMaintenance,
}

// Migrate brings every tenant's database to its engine's version, each by an
// operation in the ledger as lifecycle.Manager's Migrate does, in the name of by.
// Tenants that the master knows to be current are not opened. It goes on past
// tenants that fail and then returns a *PartialError; those can be tried again.
// progress may be nil; calls of it don't overlap.
func Migrate(ctx context.Context, store *tenants.Store, manager *lifecycle.Manager, by lifecycle.Operator,
	progress func(Progress)) (migrated int, err error) {
	behind, err := listBehind(ctx, store)
	if err != nil {
		return 0, err
	}
	pass := &pass{total: len(behind), progress: progress}
	var group errgroup.Group
	group.SetLimit(abreast)
	for i := range behind {
		group.Go(func() error {
			err := context.Cause(ctx)
			if err == nil {
				_, err = manager.Migrate(ctx, by, behind[i].ID)
			}
			pass.finish(&behind[i], err)
			return nil
		})
	}
	_ = group.Wait() // failures are the pass's
	if len(pass.failed) > 0 {
		return pass.done - len(pass.failed), &PartialError{pass.done - len(pass.failed), pass.failed}
	}
	return pass.done, nil
}

// pass is one run over the tenants that are behind.
type pass struct {
	total    int
	progress func(Progress)

	mu     sync.Mutex // guards done, failed and the calls of progress
	done   int
	failed []Failure
}

func (p *pass) finish(t *tenants.Tenant, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if err != nil {
		p.failed = append(p.failed, Failure{t.Subdomain, err})
	}
	if p.progress != nil {
		p.progress(Progress{Subdomain: t.Subdomain, Done: p.done, Total: p.total, Err: err})
	}
}

// Standing is how many tenants of a server have a schema version.
type Standing struct {
	Server        string `json:"server"`
	SchemaVersion int64  `json:"schema_version"`
	Tenants       int64  `json:"tenants"`
	// Target is the version that the server's engine would bring them to.
	Target int64 `json:"target"`
}

// Status counts the tenants by server and schema version, from the master alone.
func Status(ctx context.Context, store *tenants.Store) ([]Standing, error) {
	var standings []Standing
	err := store.Master().View(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("state IN ?", withDatabase).
			Select("server, schema_version, count(*) AS tenants").
			Group("server, schema_version").Order("server, schema_version").Scan(&standings).Error
	})
	if err != nil {
		return nil, fmt.Errorf("count schema versions: %w", err)
	}
	for i := range standings {
		engine, err := store.Server(standings[i].Server)
		if errors.Is(err, tenants.ErrUnavailable) {
			continue // nothing here can bring its tenants anywhere
		}
		standings[i].Target = engine.SchemaVersion()
	}
	return standings, nil
}

// listBehind reads the tenants whose recorded version is less than their
// engine's, in the order of their subdomains.
func listBehind(ctx context.Context, store *tenants.Store) ([]tenants.Tenant, error) {
	standings, err := Status(ctx, store)
	if err != nil {
		return nil, err
	}
	var behind []tenants.Tenant
	for _, s := range standings {
		if s.SchemaVersion >= s.Target {
			continue
		}
		var some []tenants.Tenant
		err := store.Master().View(ctx, func(tx *gorm.DB) error {
			return tx.Where("server = ? AND schema_version = ? AND state IN ?", s.Server, s.SchemaVersion, withDatabase).
				Order("subdomain").Find(&some).Error
		})
		if err != nil {
			return nil, fmt.Errorf("list tenants behind: %w", err)
		}
		behind = append(behind, some...)
	}
	return behind, nil
}
