package tenants

import "time"

// OperationKind says what an operation does to a tenant.
type OperationKind string

// The kinds of operations.
const (
	KindCreate       OperationKind = "create"
	KindAdopt        OperationKind = "adopt"
	KindSuspend      OperationKind = "suspend"
	KindResume       OperationKind = "resume"
	KindRename       OperationKind = "rename"
	KindSetName      OperationKind = "set-name"
	KindArchive      OperationKind = "archive"
	KindUnarchive    OperationKind = "unarchive"
	KindRestore      OperationKind = "restore" // of a purged tenant, from the trash
	KindPurge        OperationKind = "purge"
	KindRemove       OperationKind = "remove" // of a purged tenant's data, when the grace is over
	KindDomainAdd    OperationKind = "domain-add"
	KindDomainVerify OperationKind = "domain-verify"
	KindDomainRemove OperationKind = "domain-remove"
	KindReseal       OperationKind = "reseal"
	KindMigrate      OperationKind = "migrate"
	KindRepair       OperationKind = "repair"
	KindAdmin        OperationKind = "admin"      // lets an admin in, or resets their password
	KindInvite       OperationKind = "invite"     // the same, from the console
	KindRelease      OperationKind = "release"    // of a subdomain that the tenant had
	KindMakeEmpty    OperationKind = "make-empty" // of a database in place of a lost one
	KindCancel       OperationKind = "cancel"     // of an operation that can't be finished
)

// OperationKinds are all kinds of operations.
func OperationKinds() []OperationKind {
	return []OperationKind{
		KindCreate, KindAdopt, KindSuspend, KindResume, KindRename, KindSetName, KindArchive,
		KindUnarchive, KindRestore, KindPurge, KindRemove, KindDomainAdd, KindDomainVerify, KindDomainRemove,
		KindReseal, KindMigrate, KindRepair, KindAdmin, KindInvite,
		KindRelease, KindMakeEmpty, KindCancel,
	}
}

// OperationState says how an operation stands.
type OperationState string

// The states of an operation. Running and undoing ones are unfinished: they
// are gone on with, by whoever takes them over, until they are done or failed.
const (
	OperationRunning OperationState = "running"
	OperationUndoing OperationState = "undoing"
	OperationDone    OperationState = "done"
	// OperationFailed: finishing was impossible, and what had been done is undone.
	OperationFailed OperationState = "failed"
)

// OperationStates are all states of an operation.
func OperationStates() []OperationState {
	return []OperationState{OperationRunning, OperationUndoing, OperationDone, OperationFailed}
}

// Operation is an entry of the ledger: a thing done to a tenant, step by step,
// so that it can be gone on with when the process that does it dies. Entries
// stay when the tenant is gone.
type Operation struct {
	// ID is a lower-case ULID: entries are in the order in which they began.
	ID       string `gorm:"primaryKey;not null;check:operations_id_check,length(id) = 26;index:operations_tenant_idx,priority:2"`
	TenantID string `gorm:"not null;index:operations_tenant_idx,priority:1;uniqueIndex:operations_unfinished_key,where:finished_at IS NULL"`
	// Subdomain is what the tenant had when the operation began.
	Subdomain string         `gorm:"not null"`
	Kind      OperationKind  `gorm:"not null;check:operations_kind_check,length(kind) BETWEEN 1 AND 63"`
	State     OperationState `gorm:"not null;check:operations_state_check,state IN ('running', 'undoing', 'done', 'failed')"`
	// Step is the step that is under way, empty when none is.
	Step string `gorm:"not null"`
	// Params is what the steps need to know, as JSON. It holds no secret.
	Params string `gorm:"not null"`
	// Error is why the last attempt failed, for operators; empty if it didn't.
	Error string `gorm:"not null"`
	// Attempts is how often somebody has begun or taken over the work.
	Attempts int64 `gorm:"not null"`
	// By names the operator.
	By string `gorm:"column:started_by;not null;check:operations_by_check,length(started_by) BETWEEN 1 AND 200"`
	// InstanceID is the process that does the work, nil while nobody does.
	InstanceID *string
	StartedAt  time.Time `gorm:"not null"`
	UpdatedAt  time.Time `gorm:"not null"`
	// FinishedAt is nil while the operation is unfinished. A tenant has one
	// unfinished operation at most.
	FinishedAt *time.Time

	// Acknowledgements go with the operation.
	Acknowledgements []Acknowledgement `gorm:"constraint:acknowledgements_operation_id_fkey,OnDelete:CASCADE"`
}

// Acknowledgement says that a process holds no lease on the tenant of an
// operation, and gives none from before the operation marked the tenant.
type Acknowledgement struct {
	OperationID string `gorm:"primaryKey;not null"`
	InstanceID  string `gorm:"primaryKey;not null;index:acknowledgements_instance_idx"`
}
