// Package jobs runs work after the transaction that causes it. A job is a row in the tenant's own database: it is written in
// a scope and exists only if the scope commits, it goes along when the tenant is moved, exported or restored, and it runs
// at least once, in a scope of its own.
//
//	type Greet struct{ UserID int64 }
//	func (Greet) Kind() string { return "greet" }
//
//	jobs.Enqueue(tx, Greet{user.ID}, jobs.Options{})   // in a scope
//
//	jobs.Register(workers, func(ctx context.Context, tx *gorm.DB, job *jobs.Job[Greet]) error { … }, jobs.Work{})
//	jobs.New(store, workers, jobs.Config{}).Run(ctx)   // in a process that serves
//
// An application's schema has the model Row, and a migration that makes its table as Migrations says.
//
//	jobs.go      a job and its row; Enqueue
//	schedule.go  jobs that come back
//	workers.go   the registry of kinds
//	runner.go    works on tenants with jobs that are due; drain.go, on one of them
//	list.go      lists jobs, and makes discarded ones run again
//	home.go      the databases that have jobs
//	attempt.go   runs a job; failure.go, what becomes of a job that failed; counts.go counts both
//
// Jobs without tenant are rows of the master's table of the same name: Enqueue in a scope on the master, RegisterOutside and
// Runner.RunInMaster.
package jobs

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// Args are the arguments of a job, stored as JSON. Builds that run at the same time share the jobs: a later build must be
// able to read what earlier ones stored.
type Args interface {
	// Kind names the kind of the job, and with it the worker. It is the same for all values of the type.
	Kind() string
}

// State is the state of a job. A job that is completed has no row any more.
type State string

// The states of a job.
const (
	// Available means that the job waits for its time, for the first attempt or for another one.
	Available State = "available"
	// Discarded means that all attempts failed, or that the worker gave the job up. It runs again only if it is retried
	// by an operator.
	Discarded State = "discarded"
)

// Row is a job in a tenant's database.
type Row struct {
	// ID is a lower-case ULID.
	ID   string `gorm:"primaryKey;not null;check:jobs_id_check,length(id) = 26;index:jobs_due_idx,priority:3"`
	Kind string `gorm:"not null;check:jobs_kind_check,length(kind) BETWEEN 1 AND 63;uniqueIndex:jobs_unique_key,priority:1,where:state = 'available'"`
	// Args are JSON.
	Args string `gorm:"not null"`
	// UniqueKey is Options.UniqueKey, or nil.
	UniqueKey *string `gorm:"check:jobs_unique_check,length(unique_key) <= 200;uniqueIndex:jobs_unique_key,priority:2"`
	// Schedule is that of a job that comes back, with its time zone. It is empty for other jobs.
	Schedule string `gorm:"not null"`
	State    State  `gorm:"not null;check:jobs_state_check,state IN ('available', 'discarded');index:jobs_due_idx,priority:1"`
	// ScheduledAt is when the next attempt is due.
	ScheduledAt time.Time `gorm:"not null;index:jobs_due_idx,priority:2"`
	// Attempt is how many attempts began: of a job that waits, those that failed or ended with their process.
	Attempt int64 `gorm:"not null"`
	// Error says why the last attempt failed.
	Error     string    `gorm:"not null"`
	CreatedAt time.Time `gorm:"not null"`
	UpdatedAt time.Time `gorm:"not null"`
}

// TableName is "jobs".
func (Row) TableName() string { return "jobs" }

// Options are the options of a job.
type Options struct {
	// ScheduledAt is the earliest time at which the job runs. Defaults to now.
	ScheduledAt time.Time
	// UniqueKey, at most 200 bytes, makes Enqueue do nothing if a job of the same kind with the same key waits already. A job that runs
	// isn't waiting: Enqueue waits until it has ended, because it may not have seen what the caller's scope changes.
	UniqueKey string
}

// Enqueue writes a job in the scope of tx, which is an Update of a tenant or of the master. The job runs after the scope has committed, and
// never if it doesn't. It is begun at once if a process with a worker for it has time.
func Enqueue(tx *gorm.DB, args Args, o Options) error {
	row, err := newRow(args)
	if err != nil {
		return err
	}
	if !o.ScheduledAt.IsZero() {
		row.ScheduledAt = instant(o.ScheduledAt)
	}
	if o.UniqueKey != "" {
		row.UniqueKey = &o.UniqueKey
	}
	return insert(tx, row)
}

// insert writes a row, unless one with its unique key waits.
func insert(tx *gorm.DB, row Row) error {
	tenants.MarkDue(tx, row.ScheduledAt) // first: it works beside the INSERT
	if row.UniqueKey != nil {
		tx = tx.Clauses(clause.OnConflict{
			Columns:     []clause.Column{{Name: "kind"}, {Name: "unique_key"}},
			TargetWhere: clause.Where{Exprs: []clause.Expression{gorm.Expr("state = 'available'")}}, DoNothing: true,
		})
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("enqueue a job of kind %q: %w", row.Kind, err)
	}
	return nil
}

// newRow returns the row of a job that is due now.
func newRow(args Args) (Row, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return Row{}, fmt.Errorf("arguments of a job of kind %q: %w", args.Kind(), err)
	}
	now := instant(time.Now())
	return Row{ID: newID(), Kind: args.Kind(), Args: string(text), State: Available, ScheduledAt: now, CreatedAt: now, UpdatedAt: now}, nil
}

func newID() string { return strings.ToLower(ulid.Make().String()) }

// instant returns a time as the engines store it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

//go:embed migrations
var migrations embed.FS

// Migrations returns the migrations that make the table of Row, by dialect. An application copies its statements
// into its own next migration.
func Migrations() map[string]fs.FS {
	folder, _ := fs.Sub(migrations, "migrations") // the name is valid
	return tenants.MigrationsIn(folder)
}
