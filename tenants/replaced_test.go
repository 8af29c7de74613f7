package tenants_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// copyFile writes a copy of a file under another name.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, content, 0o600))
}

// swaps are what may happen to the file of an open database. backup is a whole
// copy of it, from before. whole says that there is a database afterwards.
func swaps() map[string]struct {
	do    func(file, backup string) error
	whole bool
} {
	swap := func(file, by string) error { return os.Rename(by, file) }
	folder := filepath.Dir
	return map[string]struct {
		do    func(file, backup string) error
		whole bool
	}{
		"a copy is moved over it": {swap, true},
		"it is removed, and a copy put there": {func(file, backup string) error {
			return errors.Join(os.Remove(file), copyFile(backup, file))
		}, true},
		"it is moved away": {func(file, _ string) error { return os.Rename(file, file+".old") }, false},
		"it is removed":    {func(file, _ string) error { return os.Remove(file) }, false},
		"it is removed with what is beside it": {func(file, _ string) error {
			return errors.Join(os.Remove(file), os.Remove(file+"-wal"), os.Remove(file+"-shm"))
		}, false},
		"a link is in its place": {func(file, backup string) error {
			return errors.Join(os.Remove(file), os.Symlink(backup, file))
		}, false},
		"its folder is another one": {func(file, backup string) error {
			return errors.Join(os.Rename(folder(file), folder(file)+".old"), os.Mkdir(folder(file), 0o700), copyFile(backup, file))
		}, true},
		"-wal is removed": {func(file, _ string) error { return os.Remove(file + "-wal") }, true},
		"-shm is removed": {func(file, _ string) error { return os.Remove(file + "-shm") }, true},
		"-wal is replaced": {func(file, _ string) error {
			return errors.Join(copyFile(file+"-wal", file+".x"), swap(file+"-wal", file+".x"))
		}, true},
	}
}

// TestReplacedFile does something to the file of an open database between two
// scopes, and in the middle of one: nothing is reported as stored that isn't
// there afterwards, and what is in its place is opened.
func TestReplacedFile(t *testing.T) {
	t.Parallel()
	for name, swap := range swaps() {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, within a scope: %t", name, within), func(t *testing.T) {
				t.Parallel()
				env := tenantstest.New(t, tenantstest.Options{})
				tenant := env.Tenant(t, "acme")
				file := filepath.Join(env.Dir, "tenants", tenant.Database)
				backup := filepath.Join(env.Dir, "backup")
				if err := copyFile(file, backup); err != nil {
					t.Fatal(err)
				}
				write := func(name string, meanwhile func() error) error {
					return env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
						return errors.Join(tx.Create(&notes.Folder{Name: name}).Error, meanwhile())
					})
				}
				nothing := func() error { return nil }
				if err := write("before", nothing); err != nil {
					t.Fatal(err)
				}
				harm := func() error { return swap.do(file, backup) }
				meanwhile := nothing
				if within {
					meanwhile = harm
				} else if err := harm(); err != nil {
					t.Fatal(err)
				}
				if err := write("lost", meanwhile); !errors.Is(err, tenants.ErrUnavailable) {
					t.Errorf("stored in a file that nobody sees: %v", err)
				}
				err := write("after", nothing)
				if swap.whole != (err == nil) || (err != nil && !errors.Is(err, tenants.ErrUnavailable)) {
					t.Errorf("afterwards: %v", err)
				}
				if !swap.whole {
					return
				}
				var names []string
				err = env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
					return tx.Model(&notes.Folder{}).Where("name IN ?", []string{"lost", "after"}).Pluck("name", &names).Error
				})
				if err != nil || len(names) != 1 || names[0] != "after" {
					t.Errorf("there are %q, %v", names, err)
				}
			})
		}
	}
}

// TestReplacedFileOfAnIdleTenant is noticed without a scope, so that the file
// that is gone is let go of.
func TestReplacedFileOfAnIdleTenant(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{InstanceTTL: 5 * time.Second})
	tenant := env.Tenant(t, "acme")
	file := filepath.Join(env.Dir, "tenants", tenant.Database)
	look := func() error { return env.Store.View(t.Context(), tenant, func(*gorm.DB) error { return nil }) }
	if err := errors.Join(copyFile(file, file+".x"), look(), env.Store.CheckReplaced(tenant.ID), os.Rename(file+".x", file)); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, "the handle to be closed", func() bool { return env.Store.Load().Open == 0 })
	if err := look(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(copyFile(file, file+".x"), os.Rename(file+".x", file)); err != nil {
		t.Fatal(err)
	}
	if err := env.Store.CheckReplaced(tenant.ID); err != nil && !errors.Is(err, tenants.ErrReplaced) {
		t.Errorf("got %v", err)
	}
}

// TestReplacedMaster is unavailable, and nothing is stored in the file that is gone.
func TestReplacedMaster(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	file := filepath.Join(env.Dir, "master.db")
	env.Tenant(t, "acme")
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("true").Update("name", "lost").Error
	})
	if !errors.Is(err, tenants.ErrReplaced) {
		t.Errorf("got %v", err)
	}
	if err := os.Rename(file+".old", file); err != nil { // the same file
		t.Fatal(err)
	}
	err = env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("name = ?", "lost").Update("name", "found").Error
	})
	if err != nil {
		t.Errorf("after it is back: %v", err)
	}
}
