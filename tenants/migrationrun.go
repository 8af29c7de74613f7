package tenants

import "time"

// RunState is the state of a MigrationRun.
type RunState string

// The states of a run. Running and stopped runs are unfinished.
const (
	RunRunning RunState = "running"
	// RunStopping means that the run begins no more tenants, and stops when those under way have ended.
	RunStopping RunState = "stopping"
	// RunStopped means that the run ended before its last wave. It can be resumed.
	RunStopped RunState = "stopped"
	// RunDone means that every tenant of the run was migrated.
	RunDone RunState = "done"
	// RunFailed means that all tenants were tried and some could not be migrated. It can be resumed.
	RunFailed RunState = "failed"
	// RunAbandoned means that another run was begun instead of resuming this one.
	RunAbandoned RunState = "abandoned"
)

// MigrationRun is one migration of the tenants that are behind, wave by wave. Each tenant's migration is an
// operation with the run's id. Package fleet runs it.
type MigrationRun struct {
	// ID is a lower-case ULID. It sorts runs by the time at which they began.
	ID    string   `gorm:"primaryKey;not null;check:migration_runs_id_check,length(id) = 26"`
	State RunState `gorm:"not null;check:migration_runs_state_check,state IN ('running', 'stopping', 'stopped', 'done', 'failed', 'abandoned');uniqueIndex:migration_runs_unfinished_key,expression:(finished_at IS NULL),where:finished_at IS NULL"`
	// Plan says which tenants the run migrates and in which waves, as JSON.
	Plan string `gorm:"not null"`
	// Total is the number of tenants that the run migrates.
	Total int64 `gorm:"not null"`
	// Reason is why the run stopped. It is empty if it did not.
	Reason string `gorm:"not null"`
	// By is the name of the operator who began or resumed the run.
	By string `gorm:"column:started_by;not null;check:migration_runs_by_check,length(started_by) BETWEEN 1 AND 200"`
	// InstanceID is the process that migrates the tenants. It is nil unless the state is running or stopping.
	InstanceID *string
	StartedAt  time.Time `gorm:"not null"`
	UpdatedAt  time.Time `gorm:"not null"`
	// AcceptedAt is when an operator accepted what the run has done, so that its copies are removed. It is nil before.
	AcceptedAt *time.Time
	// FinishedAt is nil while the run is running or stopped. At most one run is unfinished.
	FinishedAt *time.Time
}
