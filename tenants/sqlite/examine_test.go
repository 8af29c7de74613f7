package sqlite_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// damaged is a tenant with a damaged row.
type damaged struct {
	*testing.T
	engine *sqlite.Engine
	dir    string
	tenant *tenants.Tenant
}

func (d *damaged) write(name, content string) { must(d, os.WriteFile(name, []byte(content), 0o600)) }

// TestDamage has each way to harm a file, what is found of it, and whether it can
// be mended without losing the row.
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm     func(d *damaged, path string)
		want     tenants.FaultKind
		detail   string
		mendable bool
	}{
		"file that others read": {func(d *damaged, path string) { must(d, os.Chmod(path, 0o644)) },
			tenants.FaultPermissions, ".db is -rw-r--r-- and should be -rw-------", true},
		"file that its owner can't write": {func(d *damaged, path string) { must(d, os.Chmod(path, 0o400)) },
			tenants.FaultPermissions, "is -r--------", true},
		"wal that others write": {func(d *damaged, path string) { must(d, os.Chmod(path+"-wal", 0o622)) },
			tenants.FaultPermissions, ".db-wal is -rw--w--w-", true},
		"folder that others list": {func(d *damaged, path string) { must(d, os.Chmod(filepath.Dir(path), 0o755)) },
			tenants.FaultPermissions, "tenants is -rwxr-xr-x", true},
		"trashed": {func(d *damaged, path string) { must(d, d.engine.Trash(d.Context(), d.tenant)) },
			tenants.FaultMisplaced, "the file is trash/", true},
		"untrashed by half": {func(d *damaged, path string) { must(d, os.Rename(path+"-wal", trashPath(d.dir, d.tenant)+"-wal")) },
			tenants.FaultMisplaced, "a file that belongs beside tenants/", true},
		"trashed by half": {func(d *damaged, path string) { must(d, os.Rename(path, trashPath(d.dir, d.tenant))) },
			tenants.FaultMisplaced, "the file is trash/", true},
		"two": {func(d *damaged, path string) { d.write(trashPath(d.dir, d.tenant), "") },
			tenants.FaultMisplaced, "move one of them to another folder", false},
		"gone": {func(d *damaged, path string) { must(d, os.Remove(path)) },
			tenants.FaultMissing, "there is neither tenants/", false},
		"another tenant's": {func(d *damaged, path string) {
			other, err := os.ReadFile(pathOf(d, create(d, d.engine)))
			must(d, err)
			d.alone(path, string(other))
		}, tenants.FaultIdentity, "belongs to tenant", false},
		"nobody's": {func(d *damaged, path string) {
			must(d, exec(d.engine, d.tenant, "PRAGMA application_id=1"))
		}, tenants.FaultIdentity, "not marked as a tenant's", false},
		"without a stamp": {func(d *damaged, path string) {
			must(d, exec(d.engine, d.tenant, "DROP TABLE tenantry_identity"))
		}, tenants.FaultIdentity, "which tenant it belongs to", false},
		"empty": {func(d *damaged, path string) { d.alone(path, "") },
			tenants.FaultIdentity, "not marked", false},
		"no database": {func(d *damaged, path string) { d.alone(path, strings.Repeat("text ", 1000)) },
			tenants.FaultUnreadable, "is not a SQLite database", false},
		"cut off": {func(d *damaged, path string) {
			content, err := os.ReadFile(path)
			must(d, err)
			d.alone(path, string(content[:2*4096]))
		}, tenants.FaultUnreadable, "is damaged", false},
		"a page of zeros": {func(d *damaged, path string) {
			content, err := os.ReadFile(path)
			must(d, err)
			d.alone(path, string(content[:3*4096])+strings.Repeat("\x00", 4096)+string(content[4*4096:]))
		}, tenants.FaultUnreadable, "is damaged", false},
		"a folder": {func(d *damaged, path string) { must(d, errors.Join(os.Remove(path), os.Mkdir(path, 0o700))) },
			tenants.FaultUnreadable, "is not a regular file", false},
		"without versions": {func(d *damaged, path string) {
			must(d, exec(d.engine, d.tenant, "DROP TABLE goose_db_version"))
		}, tenants.FaultUnreadable, "no migration has run", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, dir, tenant := crashed(t)
			tenant.SchemaVersion = engine.SchemaVersion()
			d := &damaged{t, engine, dir, tenant}
			d.want(nil)
			test.harm(d, path(dir, tenant))
			fault := &tenants.Fault{Kind: test.want, Detail: test.detail, Mendable: test.mendable}
			d.want(fault)
			for range 2 {
				must(t, engine.Mend(t.Context(), tenant))
			}
			if !test.mendable {
				d.want(fault)
				return
			}
			d.want(nil)
			wantFolder(t, engine, tenant)
		})
	}
}

func pathOf(d *damaged, tenant *tenants.Tenant) string { return path(d.dir, tenant) }

// alone writes the tenant's file, with nothing beside it.
func (d *damaged) alone(path, content string) {
	d.write(path, content)
	for _, suffix := range []string{"-wal", "-shm"} {
		must(d, os.Remove(path+suffix))
	}
}

// want expects one fault or none, and that looking for it changes no file.
func (d *damaged) want(want *tenants.Fault) {
	d.Helper()
	before := files(d, d.dir)
	faults, err := d.engine.Examine(d.Context(), d.tenant)
	must(d, err)
	if want == nil && len(faults) > 0 || want != nil && (len(faults) != 1 || faults[0].Kind != want.Kind ||
		faults[0].Mendable != want.Mendable || !strings.Contains(faults[0].Detail, want.Detail)) {
		d.Errorf("found %+v, want %+v", faults, want)
	}
	after := files(d, d.dir)
	maps.DeleteFunc(before, isShared)
	maps.DeleteFunc(after, isShared)
	if !maps.Equal(before, after) {
		d.Error("a file was changed")
	}
}

// isShared tells a -shm file, which every reader writes.
func isShared(name, _ string) bool { return strings.HasSuffix(name, "-shm") }

// lock holds a tenant's file open and locked until the test ends.
func lock(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant) {
	t.Helper()
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	t.Cleanup(func() { _ = conns.Close() })
	must(t, conns.Read.Close())
	conn, err := conns.Write.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	for _, statement := range []string{"PRAGMA locking_mode=EXCLUSIVE", insertFolder} {
		_, err = conn.ExecContext(t.Context(), statement)
		must(t, err)
	}
}

func TestExamineThatCantTell(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	lock(t, engine, tenant)
	_, err := engine.Examine(t.Context(), tenant)
	wantUnavailable(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Examine(ctx, tenant); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
