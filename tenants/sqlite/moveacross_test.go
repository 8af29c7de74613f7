package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// elsewhere puts one of the engine's folders on another file system, behind a
// symbolic link.
func elsewhere(t *testing.T, dir, folder string) {
	t.Helper()
	disk := otherFileSystem(t, filepath.Join(dir, folder))
	must(t, os.CopyFS(filepath.Join(disk, folder), os.DirFS(filepath.Join(dir, folder))))
	must(t, os.Chmod(filepath.Join(disk, folder), 0o700)) // CopyFS doesn't keep it
	must(t, os.RemoveAll(filepath.Join(dir, folder)))
	must(t, os.Symlink(filepath.Join(disk, folder), filepath.Join(dir, folder)))
}

// otherFileSystem is a folder on another file system than the given one is on.
func otherFileSystem(t *testing.T, folder string) string {
	t.Helper()
	for _, parent := range []string{"/dev/shm", "/var/tmp", "/run"} {
		disk, err := os.MkdirTemp(parent, "tenantry")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.RemoveAll(disk) }) // it is in a folder that is cleared
		probe := filepath.Join(disk, "probe")
		err = os.Rename(folder, probe)
		if errors.Is(err, syscall.EXDEV) {
			return disk
		}
		must(t, err)
		must(t, os.Rename(probe, folder))
	}
	t.Skip("skipped without a second file system")
	return ""
}

// placed are the files of the tenant in a folder, which may be a link.
func placed(t *testing.T, dir, folder string, tenant *tenants.Tenant) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	must(t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tenant.ID) {
			names = append(names, strings.TrimPrefix(entry.Name(), tenant.Database))
		}
	}
	return names
}

// TestFoldersOnOtherFileSystems goes through a tenant's life with each folder on
// a file system of its own.
func TestFoldersOnOtherFileSystems(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"tenants", "trash", "templates"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			engine, dir, tenant := crashed(t)
			elsewhere(t, dir, folder)
			for range 2 {
				must(t, engine.Trash(t.Context(), tenant))
				must(t, engine.Trash(t.Context(), tenant))
				if in, out := placed(t, dir, "trash", tenant), placed(t, dir, "tenants", tenant); len(in) < 2 || len(out) != 0 {
					t.Errorf("in the trash %q, and outside %q", in, out)
				}
				wantUnavailable(t, exec(engine, tenant, "SELECT 1"))
				must(t, engine.Untrash(t.Context(), tenant))
				if in := placed(t, dir, "trash", tenant); len(in) != 0 {
					t.Errorf("left in the trash: %q", in)
				}
			}
			wantFolder(t, engine, tenant)
			other := create(t, engine)
			other.SchemaVersion = engine.SchemaVersion()
			wantFaults(t, engine, other)
			must(t, engine.Drop(t.Context(), tenant))
			if left := append(placed(t, dir, "trash", tenant), placed(t, dir, "tenants", tenant)...); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// wantFaults expects an examination to find these kinds.
func wantFaults(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant, want ...tenants.FaultKind) {
	t.Helper()
	faults, err := engine.Examine(t.Context(), tenant)
	must(t, err)
	var kinds []tenants.FaultKind
	for _, f := range faults {
		kinds = append(kinds, f.Kind)
	}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", faults, want)
	}
}

// TestCarryingThatDied has the states in which a process can die that carries a
// tenant's files to another file system, and finishes it in either direction.
func TestCarryingThatDied(t *testing.T) {
	t.Parallel()
	order := []string{"", "-wal", "-shm"} // Trash's
	for moved := range order {
		for _, state := range []string{"half a copy", "a copy", "both"} {
			for name, finish := range map[string]func(*sqlite.Engine, context.Context, *tenants.Tenant) error{
				"trash": (*sqlite.Engine).Trash, "untrash": (*sqlite.Engine).Untrash,
			} {
				t.Run(fmt.Sprintf("%s after %d and %s", name, moved, state), func(t *testing.T) {
					t.Parallel()
					engine, dir, tenant := crashed(t)
					elsewhere(t, dir, "trash")
					for _, suffix := range order[:moved] {
						carry(t, path(dir, tenant)+suffix, trashPath(dir, tenant)+suffix)
					}
					dieCarrying(t, dir, tenant, order[moved], state)
					must(t, finish(engine, t.Context(), tenant))
					must(t, engine.Untrash(t.Context(), tenant))
					wantFolder(t, engine, tenant)
					must(t, engine.Drop(t.Context(), tenant))
					if left := append(placed(t, dir, "trash", tenant), placed(t, dir, "tenants", tenant)...); len(left) > 0 {
						t.Errorf("left: %q", left)
					}
				})
			}
		}
	}
}

// carry moves a file as a process does that lives on.
func carry(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, content, 0o600))
	must(t, os.Remove(from))
}

// dieCarrying leaves what a process does that dies while it moves one file to
// the trash.
func dieCarrying(t *testing.T, dir string, tenant *tenants.Tenant, suffix, state string) {
	t.Helper()
	content, err := os.ReadFile(path(dir, tenant) + suffix)
	must(t, err)
	temporary := trashPath(dir, tenant) + ".01JQZX4T6YH5V8M2K3N7P9R0SB.tmp" + suffix
	switch state {
	case "half a copy":
		must(t, os.WriteFile(temporary, content[:len(content)/2], 0o600))
	case "a copy":
		must(t, os.WriteFile(temporary, content, 0o600))
	case "both":
		must(t, os.WriteFile(trashPath(dir, tenant)+suffix, content, 0o600))
	}
}

// TestCarryingIsCancelled leaves the files where they were.
func TestCarryingIsCancelled(t *testing.T) {
	t.Parallel()
	engine, dir, tenant := crashed(t)
	elsewhere(t, dir, "trash")
	before := placed(t, dir, "tenants", tenant)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := engine.Trash(ctx, tenant); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if after := placed(t, dir, "tenants", tenant); len(after) != len(before) || len(placed(t, dir, "trash", tenant)) > 0 {
		t.Errorf("there were %q, and are %q", before, after)
	}
}

// TestFoldersThatAreNotThere names the folder, and takes no database for lost.
func TestFoldersThatAreNotThere(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"tenants", "trash"} {
		engine, dir := newEngine(t, notes.Schema())
		tenant := create(t, engine)
		must(t, os.Rename(filepath.Join(dir, folder), filepath.Join(dir, "away")))
		must(t, os.Symlink("nowhere", filepath.Join(dir, folder)))
		for name, do := range map[string]func() error{
			"trash":   func() error { return engine.Trash(t.Context(), tenant) },
			"untrash": func() error { return engine.Untrash(t.Context(), tenant) },
			"examine": func() error { _, err := engine.Examine(t.Context(), tenant); return err },
		} {
			err := do()
			if !errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrNoDatabase) || !strings.Contains(fmt.Sprint(err), "no folder "+folder) {
				t.Errorf("%s without %s: %v", name, folder, err)
			}
		}
		_, err := sqlite.New(sqlite.Config{Dir: dir, Schema: notes.Schema()})
		if err == nil || !strings.Contains(err.Error(), "that doesn't exist") {
			t.Errorf("opened on a dangling link: %v", err)
		}
		must(t, os.Remove(filepath.Join(dir, folder)))
		must(t, os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, folder)))
		must(t, engine.Trash(t.Context(), tenant))
	}
}

// TestNewDatabaseTakesNoOldFiles refuses to make a database beside what another
// one has left.
func TestNewDatabaseTakesNoOldFiles(t *testing.T) {
	t.Parallel()
	engine, dir, tenant := crashed(t)
	must(t, os.Remove(path(dir, tenant)))
	if err := engine.Create(t.Context(), tenant); !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), "-wal without its database") {
		t.Errorf("got %v", err)
	}
}
