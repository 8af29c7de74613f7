package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/jobs"
)

// When a tenant's database is replaced by an older one, the contents of files that were stored since have no row, and nothing says so.
// An object below _look/ makes Sweep compare the tenant's contents with its rows, once they are older than the grace period.

// lookFolder has an object for each tenant whose database was replaced.
const lookFolder = "_look"

// mostLooks is the number of tenants that one sweep compares.
const mostLooks = 100

// Look makes Sweep compare the tenant's contents, if there are any, with the rows of its database, because that was replaced by an
// older one.
func (s *Store) Look(ctx context.Context, tenantID string) error {
	if has, err := hasObject(ctx, s.o.Bucket, tenantID+"/"); err != nil || !has {
		return err
	}
	return storageError(s.o.Bucket.Put(ctx, lookFolder+"/"+tenantID+"/replaced", strings.NewReader("")))
}

// Unnamed is what is stored of a tenant without a row or a job that would remove it.
type Unnamed struct {
	Tenant *tenants.Tenant
	IDs    []string
	Bytes  int64
}

// look compares the contents of the tenants that have a mark, and makes jobs remove those without a row.
func (s *Store) look(ctx context.Context) (failures error) {
	looked := 0
	for o, err := range s.o.Bucket.List(ctx, lookFolder+"/") {
		if err != nil {
			return storageError(err)
		}
		if time.Since(o.Modified) < s.o.Grace {
			continue
		}
		if looked++; looked > mostLooks {
			break
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(o.Key, lookFolder+"/"), "/")
		switch failed := s.lookAt(ctx, id); {
		case errors.Is(failed, errLater):
		case failed != nil:
			failures = errors.Join(failures, fmt.Errorf("files of tenant %s: %w", id, failed))
		default:
			failures = errors.Join(failures, storageError(s.o.Bucket.Delete(ctx, o.Key)))
		}
	}
	return failures
}

func (s *Store) lookAt(ctx context.Context, tenantID string) error {
	t, err := s.tenant(ctx, tenantID)
	if err != nil || t == nil {
		return err
	}
	found, err := s.FindUnnamed(ctx, t)
	if err != nil || len(found.IDs) == 0 {
		return err
	}
	return s.RemoveUnnamed(ctx, found)
}

// tenant returns the tenant with that id, or nil if there is none, or if its data is removed.
func (s *Store) tenant(ctx context.Context, id string) (*tenants.Tenant, error) {
	var t []*tenants.Tenant
	err := s.o.Tenants.Master().View(ctx, func(tx *gorm.DB) error { return tx.Find(&t, "id = ?", id).Error })
	if err != nil || len(t) == 0 || t[0].IsRemoved() {
		return nil, err
	}
	return t[0], nil
}

// FindUnnamed returns the contents of a tenant that are older than the grace period and that no row of its database names. It opens
// the database beside those in use, unless the tenant has no such contents at all.
func (s *Store) FindUnnamed(ctx context.Context, t *tenants.Tenant) (found Unnamed, err error) {
	found.Tenant = t
	var old []bucket.Object
	for o, err := range s.o.Bucket.List(ctx, t.ID+"/") {
		if err != nil {
			return found, storageError(err)
		}
		isContent := len(o.Key) == len(contentKey(t.ID, t.ID)) // the names are ids, too
		if isContent && time.Since(o.Modified) >= s.o.Grace {
			old = append(old, o)
		}
	}
	if len(old) == 0 {
		return found, nil
	}
	var named map[string]bool
	err = s.visit(ctx, t, false, func(tx *gorm.DB) (err error) {
		named, err = namedIn(tx)
		return err
	})
	if err != nil {
		return found, err
	}
	for _, o := range old {
		if id := strings.TrimPrefix(o.Key, t.ID+"/"); !named[id] {
			found.IDs, found.Bytes = append(found.IDs, id), found.Bytes+o.Size
		}
	}
	return found, nil
}

// EachUnnamed calls f for each tenant that has contents without a row, which FindUnnamed finds. Tenants that can't be visited now are
// left out, and so is what belongs to no tenant.
func (s *Store) EachUnnamed(ctx context.Context, f func(found Unnamed) error) error {
	last := ""
	for o, err := range s.o.Bucket.List(ctx, "") {
		if err != nil {
			return storageError(err)
		}
		id, _, _ := strings.Cut(o.Key, "/")
		if id == last || strings.HasPrefix(id, "_") {
			continue
		}
		last = id
		t, err := s.tenant(ctx, id)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		found, err := s.FindUnnamed(ctx, t)
		if err == nil && len(found.IDs) > 0 {
			err = f(found)
		}
		if err != nil && !errors.Is(err, errLater) {
			return fmt.Errorf("files of tenant %q: %w", t.Subdomain, err)
		}
	}
	return nil
}

// errLater means that the tenant can't be visited now.
var errLater = errors.New("the tenant can't be visited now")

// visit runs f in a scope on the tenant, beside the databases in use. Returns errLater.
func (s *Store) visit(ctx context.Context, t *tenants.Tenant, write bool, f tenants.Func) error {
	var failed error
	reach, err := s.o.Tenants.Each(ctx, tenants.Filter{Subdomains: []string{t.Subdomain}}, tenants.EachOptions{
		Write: write, Failed: func(_ *tenants.Tenant, err error) { failed = err },
	}, func(now *tenants.Tenant, tx *gorm.DB) error {
		if now.ID != t.ID { // it was renamed, or swapped, at this moment
			return errLater
		}
		return f(tx)
	})
	switch {
	case err != nil:
		return err
	case reach.Answered == 0:
		return errors.Join(errLater, failed)
	}
	return nil
}

// namedIn returns the ids of the files that rows name, and of those that a job removes in time.
func namedIn(tx *gorm.DB) (map[string]bool, error) {
	var rows, jobArgs []string
	err := tx.Model(&Row{}).Pluck("id", &rows).Error
	if err == nil {
		err = tx.Model(&jobs.Row{}).Where("kind = ? AND state = ?", removal{}.Kind(), jobs.Available).Pluck("args", &jobArgs).Error
	}
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, text := range jobArgs {
		var args removal
		if err := json.Unmarshal([]byte(text), &args); err != nil {
			return nil, fmt.Errorf("read a job that removes files: %w", err)
		}
		rows = append(rows, args.IDs...)
	}
	for _, id := range rows {
		named[id] = true
	}
	return named, nil
}

// RemoveUnnamed makes jobs of the tenant remove contents, unless they have a row by then. The jobs wait as long as a copy of the database
// is kept, as for files that were removed. What a point in time of the backups may name is copied to the backup before, and
// kept there for Options.Keep.
func (s *Store) RemoveUnnamed(ctx context.Context, found Unnamed) error {
	for _, id := range found.IDs {
		if err := s.saveUnnamed(ctx, found.Tenant.ID, id); err != nil {
			return err
		}
	}
	return s.visit(ctx, found.Tenant, true, func(tx *gorm.DB) error {
		for ids := range slices.Chunk(found.IDs, mostRemoved) {
			if err := jobs.Enqueue(tx, removal{ids}, jobs.Options{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// saveUnnamed copies a content to the backup, if there is a backup without it.
func (s *Store) saveUnnamed(ctx context.Context, tenantID, id string) error {
	if s.o.Backup == nil {
		return nil
	}
	if has, err := hasObject(ctx, s.o.Backup, backupKey(tenantID, id)); err != nil || has {
		return err
	}
	content, err := s.o.Bucket.Get(ctx, contentKey(tenantID, id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return storageError(err)
	}
	defer content.Close()
	return storageError(s.o.Backup.Put(ctx, backupKey(tenantID, id), content))
}

// hasObject reports whether the key of an object begins with the prefix.
func hasObject(ctx context.Context, b bucket.Bucket, prefix string) (has bool, err error) {
	next, stop := iter.Pull2(b.List(ctx, prefix))
	defer stop()
	_, err, has = next()
	return has && err == nil, storageError(err)
}
