package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// crashed is a tenant whose process was killed: what it committed is in the
// -wal file alone, beside a -shm.
func crashed(t *testing.T) (engine *sqlite.Engine, dir string, tenant *tenants.Tenant) {
	t.Helper()
	engine, dir = newEngine(t, notes.Schema())
	tenant = create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	_, err = conns.Write.Exec(insertFolder)
	must(t, err)
	open := files(t, dir)
	must(t, conns.Close())
	for name, content := range open {
		must(t, os.WriteFile(name, []byte(content), 0o600))
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(path(dir, tenant) + suffix); err != nil || info.Size() == 0 {
			t.Fatalf("%s: %v", suffix, err)
		}
	}
	return engine, dir, tenant
}

// trashPath is the tenant's file in the trash.
func trashPath(dir string, tenant *tenants.Tenant) string {
	return filepath.Join(dir, "trash", tenant.Database)
}

func wantFolder(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant) {
	t.Helper()
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	var n int
	must(t, conns.Read.QueryRow("SELECT count(*) FROM folders").Scan(&n))
	if n != 1 {
		t.Errorf("%d folders, want 1", n)
	}
}

// TestTrashThatDied has every state in which Trash or Untrash can be killed, and
// finishes it in either direction.
func TestTrashThatDied(t *testing.T) {
	t.Parallel()
	moves := []string{"", "-wal", "-shm"} // Trash's, in its order
	for done := range len(moves) + 1 {
		for name, finish := range map[string]func(*sqlite.Engine, context.Context, *tenants.Tenant) error{
			"trash": (*sqlite.Engine).Trash, "untrash": (*sqlite.Engine).Untrash,
		} {
			t.Run(fmt.Sprintf("%s after %d", name, done), func(t *testing.T) {
				t.Parallel()
				engine, dir, tenant := crashed(t)
				for _, suffix := range moves[:done] {
					must(t, os.Rename(path(dir, tenant)+suffix, trashPath(dir, tenant)+suffix))
				}
				if done > 0 {
					_, err := engine.Open(t.Context(), tenant)
					wantUnavailable(t, err)
					wantUnavailable(t, engine.Create(t.Context(), tenant))
				}
				must(t, finish(engine, t.Context(), tenant))
				wantTogether(t, dir, tenant, name == "trash")
				must(t, engine.Untrash(t.Context(), tenant))
				wantFolder(t, engine, tenant)
			})
		}
	}
}

// wantTogether expects all files of the tenant's in one folder.
func wantTogether(t *testing.T, dir string, tenant *tenants.Tenant, trashed bool) {
	t.Helper()
	want := path(dir, tenant)
	if trashed {
		want = trashPath(dir, tenant)
	}
	n := 0
	for name := range files(t, dir) {
		if !strings.Contains(name, tenant.ID) {
			continue
		}
		n++
		if !strings.HasPrefix(name, want) {
			t.Errorf("%s is left", name)
		}
	}
	if n != 3 {
		t.Errorf("%d files, want 3", n)
	}
}

// TestTrashOverwritesNothing has two files of one name. The engine can not know
// which one is right.
func TestTrashOverwritesNothing(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal"} {
		t.Run("two of "+suffix, func(t *testing.T) {
			t.Parallel()
			engine, dir, tenant := crashed(t)
			must(t, os.WriteFile(trashPath(dir, tenant)+suffix, []byte("kept"), 0o600))
			if suffix != "" {
				must(t, os.Rename(path(dir, tenant), trashPath(dir, tenant)))
			}
			before := files(t, dir)
			wantUnavailable(t, engine.Trash(t.Context(), tenant))
			wantUnavailable(t, engine.Untrash(t.Context(), tenant))
			for name, content := range files(t, dir) {
				if before[name] != content {
					t.Errorf("%s was changed", name)
				}
			}
			must(t, engine.Drop(t.Context(), tenant))
			for name := range files(t, dir) {
				if strings.Contains(name, tenant.ID) {
					t.Errorf("Drop left %s", name)
				}
			}
		})
	}
}

func TestTrashIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	engine, dir, tenant := crashed(t)
	must(t, engine.Trash(t.Context(), tenant))
	for _, name := range []string{filepath.Join(dir, "trash"), trashPath(dir, tenant), trashPath(dir, tenant) + "-wal"} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", name, info.Mode())
		}
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, tenants.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, tenants.ErrUnavailable)
	}
}

// TestTrashWithoutItsFolder: the trash folder was removed.
func TestTrashWithoutItsFolder(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	must(t, os.RemoveAll(filepath.Join(dir, "trash")))
	if err := engine.Trash(t.Context(), tenant); !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), "no folder trash") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path(dir, tenant)); err != nil {
		t.Error(err)
	}
}
