package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Run is a run of migrations, with the number of its tenants that were tried.
type Run struct {
	ID    string           `json:"id"`
	State tenants.RunState `json:"state"`
	// Interrupted reports whether the process of an unfinished run has died.
	Interrupted bool   `json:"interrupted"`
	Reason      string `json:"reason"`
	By          string `json:"by"`
	Plan        Plan   `json:"plan"`
	Total       int64  `json:"total"`
	// Migrated and Failed count tenants. Those that are under way or not tried yet are in neither.
	Migrated int64 `json:"migrated"`
	Failed   int64 `json:"failed"`
	// Copies is the number of copies of databases from before the run that are kept, and CopyBytes their size.
	Copies    int64 `json:"copies"`
	CopyBytes int64 `json:"copy_bytes"`
	// AcceptedAt is when the run was accepted. It is nil before.
	AcceptedAt *time.Time `json:"accepted_at"`
	// Waves are the sizes of the run's waves.
	Waves      []int      `json:"waves"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// UnderWay reports whether a living process works on the run.
func (r Run) UnderWay() bool {
	return (r.State == tenants.RunRunning || r.State == tenants.RunStopping) && !r.Interrupted
}

// Resumable reports whether Resume goes on with the run, if it is the last one.
func (r Run) Resumable() bool {
	return !r.UnderWay() && r.State != tenants.RunDone && r.State != tenants.RunAbandoned
}

// Runs returns up to limit runs, the newest first. It reads only the master.
func (f *Fleet) Runs(ctx context.Context, limit int) (runs []Run, err error) {
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		var rows []tenants.MigrationRun
		if err := tx.Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
			return err
		}
		runs = make([]Run, len(rows))
		for i := range rows {
			if runs[i], err = f.describe(tx, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list migration runs: %w", err)
	}
	return runs, nil
}

// ErrUnknownRun means that there is no run with an id.
var ErrUnknownRun = errors.New("there is no such migration run")

// Run returns the run with that id. Returns ErrUnknownRun if there is none.
func (f *Fleet) Run(ctx context.Context, id string) (run Run, err error) {
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		var row tenants.MigrationRun
		if err := tx.Take(&row, "id = ?", id).Error; err != nil {
			return err
		}
		run, err = f.describe(tx, &row)
		return err
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Run{}, fmt.Errorf("%w: %q", ErrUnknownRun, id)
	}
	return run, err
}

func (f *Fleet) describe(tx *gorm.DB, row *tenants.MigrationRun) (Run, error) {
	run := Run{
		ID: row.ID, State: row.State, Reason: row.Reason, By: row.By, Total: row.Total,
		StartedAt: row.StartedAt.UTC(), FinishedAt: row.FinishedAt, AcceptedAt: row.AcceptedAt,
	}
	if err := json.Unmarshal([]byte(row.Plan), &run.Plan); err != nil {
		return run, fmt.Errorf("plan of run %s: %w", row.ID, err)
	}
	run.Waves = run.Plan.waves(int(row.Total), len(run.Plan.Canaries))
	if row.State == tenants.RunRunning || row.State == tenants.RunStopping {
		living, err := f.isAlive(tx, row)
		if err != nil {
			return run, err
		}
		run.Interrupted = !living
	}
	counts, err := count(tx, row.ID)
	run.Migrated, run.Failed = counts[tenants.OperationDone], counts[tenants.OperationFailed]
	if err == nil {
		err = countCopies(tx, &run)
	}
	return run, err
}

// RunTenant is what a run did to a tenant.
type RunTenant struct {
	Subdomain string                 `json:"subdomain"`
	State     tenants.OperationState `json:"state"`
	From      int64                  `json:"from_version"`
	To        int64                  `json:"to_version"`
	Error     string                 `json:"error"`
	StartedAt time.Time              `json:"started_at"`
	// FinishedAt is nil while the migration is under way.
	FinishedAt *time.Time `json:"finished_at"`
	// Operation is the id of the last operation of the run on the tenant.
	Operation string `json:"operation"`
}

// Tenants returns up to limit tenants that the run has tried, in the order in which their migrations began, after the
// operation with the given id. It also returns the value of after for the next page, empty at the end. With a state
// it returns only tenants whose last operation of the run has that state.
func (f *Fleet) Tenants(ctx context.Context, runID string, state tenants.OperationState, after string, limit int) (page []RunTenant, next string, err error) {
	var operations []tenants.Operation
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		if state != "" {
			tx = tx.Where("state = ?", state)
		}
		return tx.Where("id IN (?) AND id > ?", last(tx, runID), after).Order("id").Limit(limit + 1).Find(&operations).Error
	})
	if err != nil {
		return nil, "", fmt.Errorf("list tenants of run %s: %w", runID, err)
	}
	if len(operations) > limit {
		operations = operations[:limit]
		next = operations[limit-1].ID
	}
	page = make([]RunTenant, len(operations))
	for i, o := range operations {
		var versions struct {
			FromVersion int64 `json:"from_version"`
			Version     int64 `json:"version"`
		}
		if err := json.Unmarshal([]byte(o.Params), &versions); err != nil {
			return nil, "", fmt.Errorf("params of operation %s: %w", o.ID, err)
		}
		page[i] = RunTenant{o.Subdomain, o.State, versions.FromVersion, versions.Version, o.Error, o.StartedAt.UTC(), o.FinishedAt, o.ID}
	}
	return page, next, nil
}

// last selects the ids of the run's last operations on each of its tenants.
func last(tx *gorm.DB, runID string) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Model(&tenants.Operation{}).
		Where("run_id = ?", runID).Group("tenant_id").Select("max(id)")
}

// count counts the run's tenants by the state of their last operation.
func count(tx *gorm.DB, runID string) (map[tenants.OperationState]int64, error) {
	var rows []struct {
		State   tenants.OperationState
		Tenants int64
	}
	err := tx.Model(&tenants.Operation{}).Where("id IN (?)", last(tx, runID)).
		Select("state, count(*) AS tenants").Group("state").Scan(&rows).Error
	counts := map[tenants.OperationState]int64{}
	for _, row := range rows {
		counts[row.State] = row.Tenants
	}
	return counts, err
}

// countTried counts the run's tenants that were tried.
func (f *Fleet) countTried(ctx context.Context, run *tenants.MigrationRun) (tried int, err error) {
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		counts, err := count(tx, run.ID)
		for _, tenants := range counts {
			tried += int(tenants)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count tenants of run %s: %w", run.ID, err)
	}
	return tried, nil
}
