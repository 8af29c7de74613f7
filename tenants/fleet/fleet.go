// Package fleet runs migrations over many tenants.
package fleet

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Progress reports that a migration has finished with one tenant.
type Progress struct {
	Subdomain   string
	Done, Total int
	// Err is why the tenant could not be migrated. It is nil if it was migrated.
	Err error
}

// Failure is a tenant that could not be migrated.
type Failure struct {
	Subdomain string
	Err       error
}

// PartialError means that some tenants could not be migrated. The others were.
type PartialError struct {
	Migrated int
	Failed   []Failure
}

// Error returns the first failure and the number of the others.
func (e *PartialError) Error() string {
	first := e.Failed[0]
	return fmt.Sprintf("%d tenants migrated, %d failed, the first of them %q: %v",
		e.Migrated, len(e.Failed), first.Subdomain, first.Err)
}

// Unwrap returns the failures' causes.
func (e *PartialError) Unwrap() []error {
	causes := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		causes[i] = f.Err
	}
	return causes
}

// parallel is the number of tenants that Migrate works on at the same time. Most of them wait until
// other processes have drained them; few are being migrated at any moment.
const parallel = 32

// Migrate brings every tenant's database to its engine's version. Each tenant's migration is an
// operation in the ledger, started by the operator, as in lifecycle.Manager.Migrate. Migrate doesn't
// open tenants that are up to date according to the master. It continues after failures and then
// returns a *PartialError; calling it again retries the failed tenants. progress may be nil; its calls
// don't overlap.
func Migrate(ctx context.Context, store *tenants.Store, manager *lifecycle.Manager, by lifecycle.Operator,
	progress func(Progress)) (migrated int, err error) {
	behind, err := listBehind(ctx, store)
	if err != nil {
		return 0, err
	}
	pass := &pass{total: len(behind), progress: progress}
	var group errgroup.Group
	group.SetLimit(parallel)
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
	_ = group.Wait() // pass has the failures
	if len(pass.failed) > 0 {
		return pass.done - len(pass.failed), &PartialError{pass.done - len(pass.failed), pass.failed}
	}
	return pass.done, nil
}

// pass is one call of Migrate.
type pass struct {
	total    int
	progress func(Progress)

	mu     sync.Mutex // protects done, failed and the calls of progress
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

// listBehind returns the tenants whose version in the master is older than their engine's, by server
// and version, then by subdomain.
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
			return tx.Where("server = ? AND schema_version = ? AND state IN ?", s.Server, s.SchemaVersion, tenants.MigratedStates()).
				Order("subdomain").Find(&some).Error
		})
		if err != nil {
			return nil, fmt.Errorf("list tenants behind: %w", err)
		}
		behind = append(behind, some...)
	}
	return behind, nil
}
