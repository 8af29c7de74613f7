package tenants

import "time"

// OperationKind is what an operation does, to a tenant unless the kind says otherwise.
type OperationKind string

// The kinds of operations.
const (
	KindCreate       OperationKind = "create"
	KindAdopt        OperationKind = "adopt"
	KindSuspend      OperationKind = "suspend"
	KindResume       OperationKind = "resume"
	KindRename       OperationKind = "rename"
	KindSetName      OperationKind = "set-name"
	KindLimit        OperationKind = "limit" // changes the limits
	KindArchive      OperationKind = "archive"
	KindUnarchive    OperationKind = "unarchive"
	KindRestore      OperationKind = "restore" // restores a purged tenant from the trash
	KindPurge        OperationKind = "purge"
	KindRemove       OperationKind = "remove" // removes a purged tenant's data after the grace period
	KindDomainAdd    OperationKind = "domain-add"
	KindDomainVerify OperationKind = "domain-verify"
	KindDomainRemove OperationKind = "domain-remove"
	KindReseal       OperationKind = "reseal"
	KindMigrate      OperationKind = "migrate"
	KindMigrateDown  OperationKind = "migrate-down" // undoes migrations
	KindRepair       OperationKind = "repair"
	KindAdmin        OperationKind = "admin"       // adds an admin, or resets their password
	KindInvite       OperationKind = "invite"      // the same, from the console
	KindRelease      OperationKind = "release"     // releases a subdomain that the tenant had
	KindMakeEmpty    OperationKind = "make-empty"  // makes an empty database in place of a lost one
	KindCancel       OperationKind = "cancel"      // cancels an operation that can't be finished
	KindClone        OperationKind = "clone"       // creates the tenant as a copy of another
	KindMove         OperationKind = "move"        // moves the tenant to another server
	KindMaintenance  OperationKind = "maintenance" // closes the tenant for maintenance, or serves it again
	KindExport       OperationKind = "export"      // has written the tenant's data into a file
	KindVerify       OperationKind = "verify"      // has restored the tenant's newest backup, checked it and thrown it away
	KindErase        OperationKind = "erase"       // removes the data for good, and destroys the key of its backups
	KindBackupKey    OperationKind = "backup-key"  // has shown the key of the tenant's backups
	KindSwap         OperationKind = "swap"        // exchanges the tenant with another
	KindSwapOther    OperationKind = "swap-other"  // the part of a swap on the other tenant; no process owns it
	KindShell        OperationKind = "shell"       // has opened a command-line client on the tenant's database
	KindSet          OperationKind = "set"         // changes the settings
	KindRevert       OperationKind = "revert"      // puts back the database from before a migration
	KindEnter        OperationKind = "enter"       // has let an operator enter as one of the tenant's people
	KindRetry        OperationKind = "retry"       // has made discarded jobs run again, of a tenant or without one

	// Changes of operators' accounts are operations without tenant.
	KindOperatorAdd    OperationKind = "operator-add"
	KindOperatorRole   OperationKind = "operator-role"
	KindOperatorToken  OperationKind = "operator-token"  // has made another token
	KindOperatorRevoke OperationKind = "operator-revoke" // revokes a token
	KindOperatorRemove OperationKind = "operator-remove"
)

// OperationKinds returns all kinds of operations.
func OperationKinds() []OperationKind {
	return []OperationKind{
		KindCreate, KindAdopt, KindSuspend, KindResume, KindRename, KindSetName, KindLimit, KindArchive,
		KindUnarchive, KindRestore, KindPurge, KindRemove, KindDomainAdd, KindDomainVerify, KindDomainRemove,
		KindReseal, KindMigrate, KindMigrateDown, KindRepair, KindAdmin, KindInvite,
		KindRelease, KindMakeEmpty, KindCancel, KindClone, KindMove, KindMaintenance, KindExport,
		KindVerify, KindErase, KindBackupKey, KindSwap, KindSwapOther, KindShell, KindSet, KindRevert, KindEnter, KindRetry,
		KindOperatorAdd, KindOperatorRole, KindOperatorToken, KindOperatorRevoke, KindOperatorRemove,
	}
}

// OperationState is the state of an operation.
type OperationState string

// The states of an operation. Running and undoing operations are unfinished: a process resumes them
// until they are done or failed.
const (
	OperationRunning OperationState = "running"
	OperationUndoing OperationState = "undoing"
	OperationDone    OperationState = "done"
	// OperationFailed means that the operation could not be finished and was undone.
	OperationFailed OperationState = "failed"
)

// OperationStates returns all states of an operation.
func OperationStates() []OperationState {
	return []OperationState{OperationRunning, OperationUndoing, OperationDone, OperationFailed}
}

// Operation is an entry of the ledger: something done to a tenant, step by step, so that another
// process can resume it if its owner dies. Entries remain when the tenant is gone. Operations without tenant are done when they are written.
type Operation struct {
	// ID is a lower-case ULID. It sorts operations by the time at which they began.
	ID string `gorm:"primaryKey;not null;check:operations_id_check,length(id) = 26;index:operations_tenant_idx,priority:2"`
	// TenantID and Subdomain are empty for operations without tenant.
	TenantID string `gorm:"not null;index:operations_tenant_idx,priority:1;uniqueIndex:operations_unfinished_key,where:finished_at IS NULL"`
	// Subdomain is the tenant's subdomain when the operation began.
	Subdomain string         `gorm:"not null"`
	Kind      OperationKind  `gorm:"not null;check:operations_kind_check,length(kind) BETWEEN 1 AND 63"`
	State     OperationState `gorm:"not null;check:operations_state_check,state IN ('running', 'undoing', 'done', 'failed')"`
	// Step is the step under way, or empty if there is none.
	Step string `gorm:"not null"`
	// Params are the steps' parameters, as JSON. They contain no secrets.
	Params string `gorm:"not null"`
	// Error is the error of the last attempt, for operators. It is empty if there was none.
	Error string `gorm:"not null"`
	// Attempts is how many times the operation was begun or resumed.
	Attempts int64 `gorm:"not null"`
	// By is the name of the operator.
	By string `gorm:"column:started_by;not null;check:operations_by_check,length(started_by) BETWEEN 1 AND 200"`
	// RunID is the migration run that the operation belongs to. It is nil if there is none.
	RunID *string `gorm:"index:operations_run_idx,where:run_id IS NOT NULL"`
	// InstanceID is the process that runs the operation, its owner. It is nil if it has none.
	InstanceID *string
	StartedAt  time.Time `gorm:"not null"`
	UpdatedAt  time.Time `gorm:"not null"`
	// FinishedAt is nil while the operation is unfinished. A tenant has at most one unfinished
	// operation.
	FinishedAt *time.Time

	// Acknowledgements are deleted with the operation.
	Acknowledgements []Acknowledgement `gorm:"constraint:acknowledgements_operation_id_fkey,OnDelete:CASCADE"`
}

// Acknowledgement records that a process has drained the tenant of an operation: it holds no lease
// on the tenant from before the operation marked it, and grants none.
type Acknowledgement struct {
	OperationID string `gorm:"primaryKey;not null"`
	InstanceID  string `gorm:"primaryKey;not null;index:acknowledgements_instance_idx"`
}
