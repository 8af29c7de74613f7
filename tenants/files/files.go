// Package files keeps files of tenants: their contents are objects of a bucket, and a row in the tenant's own database
// names each. Names of objects are made here, never by people.
//
//	staged, err := store.Stage(ctx, tenant, body, most)  // before the scope: a slow upload holds no lock
//	defer staged.Discard(ctx)                            // does nothing once the file is kept
//	…
//	row, err := staged.Keep(tx, mediaType)               // in the scope; the file exists if the scope commits
//	…
//	err := files.Remove(tx, row.ID)                      // in a scope; the content is removed some time after it commits
//
// A content is durable under its final name before the scope begins, and the commit of its row publishes it: there is no
// step after the commit that a crash could lose. Until then an object below _staged/ says that it may have no row. What
// a process that dies leaves behind is found by these objects (Sweep). An application's schema has the model Row and that
// of package jobs, with a migration that makes the table as Migrations says.
//
//	files.go   rows, and what they are removed by
//	store.go   the store; stage.go keeps files, content.go reads them
//	backup.go  copies contents to the backups, and to other tenants
//	sweep.go   removes what no row names; unnamed.go what an older database doesn't name
//	tenant.go  removes all files of a tenant
package files

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// Row is a file in a tenant's database.
type Row struct {
	// ID is a lower-case ULID, and the name of the content.
	ID string `gorm:"primaryKey;not null;check:files_id_check,length(id) = 26"`
	// Type is the media type that the sender gave, as Type accepts it.
	Type string `gorm:"not null;check:files_type_check,length(type) BETWEEN 1 AND 255"`
	// Size is in bytes.
	Size int64 `gorm:"not null;check:files_size_check,size >= 0"`
	// SHA256 is that of the content, in lower-case hexadecimal.
	SHA256    string    `gorm:"column:sha256;not null;check:files_sha256_check,length(sha256) = 64"`
	CreatedAt time.Time `gorm:"not null"`
}

// TableName is "files".
func (Row) TableName() string { return "files" }

// Errors, for errors.Is.
var (
	// ErrTooLarge means that a file is larger than files may be.
	ErrTooLarge = errors.New("file is too large")
	// ErrFull means that the tenant's files would take more than they may.
	ErrFull = errors.New("the tenant's files take all the room that they may")
	// ErrBusy means that too many files are being stored.
	ErrBusy = errors.New("too many files are being stored")
	// ErrLost means that a row names a content that isn't there.
	ErrLost = errors.New("the content of the file is lost")
)

// removal is a job that removes contents whose rows are gone.
type removal struct {
	IDs []string `json:"ids"`
}

// Kind is "files.remove".
func (removal) Kind() string { return "files.remove" }

// Linger is how long a content stays after the commit that removed its row, at least: downloads, clones and exports that began
// before end well.
const Linger = time.Hour

// mostRemoved is the number of contents that one job removes.
const mostRemoved = 500

// Remove removes files in the scope of tx. Their contents are removed by a job, Linger after the scope has committed. An
// id without a row is ignored.
func Remove(tx *gorm.DB, ids ...string) error {
	for len(ids) > 0 {
		some := ids[:min(len(ids), mostRemoved)]
		ids = ids[len(some):]
		if err := tx.Delete(&Row{}, "id IN ?", some).Error; err != nil {
			return fmt.Errorf("remove files: %w", err)
		}
		if err := jobs.Enqueue(tx, removal{some}, jobs.Options{ScheduledAt: time.Now().Add(Linger)}); err != nil {
			return err
		}
	}
	return nil
}

// Register registers the workers of the store's jobs, which must be those of tenants.
func (s *Store) Register(w *jobs.Workers) {
	jobs.RegisterOutside(w, s.runRemoval, jobs.Work{})
	jobs.RegisterOutside(w, s.runSaving, jobs.Work{Deadline: savingTime})
	jobs.RegisterOutside(w, s.runForgetting, jobs.Work{})
}

// runRemoval removes the contents that have no row. As long as a copy of the tenant's database from before a migration is
// kept, which may name them, it puts that off.
func (s *Store) runRemoval(ctx context.Context, job *jobs.Job[removal]) error {
	if kept, err := s.hasCopy(ctx, job.Home.Tenant.ID); err != nil || kept {
		return errors.Join(err, job.Home.Update(ctx, func(tx *gorm.DB) error {
			return jobs.Enqueue(tx, job.Args, jobs.Options{ScheduledAt: time.Now().Add(copyTime), UniqueKey: job.ID})
		}))
	}
	ids, err := unnamed(ctx, job.Home, job.Args.IDs)
	if err == nil {
		err = s.remove(ctx, job.Home.Tenant.ID, ids)
	}
	if err != nil || s.o.Backup == nil {
		return err
	}
	return job.Home.Update(ctx, func(tx *gorm.DB) error {
		return jobs.Enqueue(tx, forgetting{ids}, jobs.Options{ScheduledAt: time.Now().Add(s.o.Keep), UniqueKey: job.ID})
	})
}

// copyTime is the time between two looks for a copy of a tenant's database.
const copyTime = 6 * time.Hour

// hasCopy reports whether a migration run keeps a copy of the tenant's database.
func (s *Store) hasCopy(ctx context.Context, tenantID string) (bool, error) {
	var copies int64
	err := s.o.Tenants.Master().View(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.MigrationCopy{}).Where("tenant_id = ?", tenantID).Count(&copies).Error
	})
	return copies > 0, err
}

// unnamed returns those of the ids that have no row. A row may be there again: a restored tenant has older rows and jobs.
func unnamed(ctx context.Context, home jobs.Home, ids []string) (left []string, err error) {
	var named []string
	err = home.View(ctx, func(tx *gorm.DB) error { return tx.Model(&Row{}).Where("id IN ?", ids).Pluck("id", &named).Error })
	return without(ids, named), err
}

// Usage returns how many bytes the files of the tenant of the scope take.
func Usage(tx *gorm.DB) (bytes int64, err error) {
	err = tx.Model(&Row{}).Select("COALESCE(SUM(size), 0)").Scan(&bytes).Error
	return bytes, err
}

var typePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$`)

// Type returns a media type without parameters as it is stored, or application/octet-stream for a text that is none.
func Type(mediaType string) string {
	if !typePattern.MatchString(mediaType) {
		return "application/octet-stream"
	}
	return mediaType
}

//go:embed migrations
var migrations embed.FS

// Migrations returns the migrations that make the table of Row, by dialect. An application copies its statements
// into its own next migration.
func Migrations() map[string]fs.FS {
	folder, _ := fs.Sub(migrations, "migrations") // the name is valid
	return tenants.MigrationsIn(folder)
}
