//go:build unix

package files_test

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/tenantstest"
)

// The environment of a process that is killed: the Env that it joins, its tenant, its folder, and where it is killed.
const joinEnv, tenantEnv, dirEnv, pointEnv = "FILES_TEST_JOIN", "FILES_TEST_TENANT", "FILES_TEST_DIR", "FILES_TEST_POINT"

// killPoints are the moments in the life of a file at which a process is killed.
func killPoints() []string { return []string{"marked", "half", "staged", "kept", "committed"} }

// TestTheKilled is the process that TestProcessesAreKilled kills.
func TestTheKilled(t *testing.T) {
	if os.Getenv(joinEnv) == "" {
		return // it is an ordinary test run
	}
	env := tenantstest.Join(t, os.Getenv(joinEnv), tenantstest.Options{Schema: schema(t)})
	tenant, err := env.Lifecycle.Get(t.Context(), os.Getenv(tenantEnv))
	must(t, err)
	die := func(point string) {
		if point == os.Getenv(pointEnv) {
			must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
	}
	s := open(t, env, os.Getenv(dirEnv), time.Hour, die)
	staged, err := s.Stage(t.Context(), tenant, io.MultiReader(strings.NewReader("half"), reading(func() { die("half") }), strings.NewReader("whole")), 0)
	must(t, err)
	must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		_, err := staged.Keep(tx, "text/plain")
		die("kept")
		return err
	}))
}

// reading is called when it is read, and is empty.
type reading func()

func (r reading) Read([]byte) (int, error) { r(); return 0, io.EOF }

// TestProcessesAreKilled at each point of a file's life: what was committed is there, and what wasn't is swept, but not before
// the grace period has passed.
func TestProcessesAreKilled(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t), Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		dir, before := t.TempDir(), time.Hour
		careful := open(t, env, dir, before, nil)
		for _, point := range killPoints() {
			tenant := env.Tenant(t, point)
			killOne(t, env, tenant, dir, point)
			found := stored(t, dir)
			if _, err := careful.Sweep(t.Context()); err != nil || !slices.Equal(stored(t, dir), found) {
				t.Errorf("%s: a sweep within the grace period has left %q of %q, %v", point, stored(t, dir), found, err)
			}
			removed, err := open(t, env, dir, time.Nanosecond, nil).Sweep(t.Context())
			must(t, err)
			want := 1
			if point == "committed" {
				want = 0
			}
			if removed != want {
				t.Errorf("%s: %d are swept", point, removed)
			}
			if names := stored(t, dir); len(names) != 1-want {
				t.Errorf("%s: %q is left", point, names)
			}
		}
		var row files.Row
		tenant, err := env.Lifecycle.Get(t.Context(), "committed")
		must(t, err)
		must(t, env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Take(&row).Error }))
		if got, err := content(t, careful, tenant, row); err != nil || got != "halfwhole" {
			t.Errorf("what was committed has %q, %v", got, err)
		}
	})
}

func killOne(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, dir, point string) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKilled$")
	process.Env = append(os.Environ(), joinEnv+"="+env.Address(t), tenantEnv+"="+tenant.Subdomain, dirEnv+"="+dir, pointEnv+"="+point)
	out, err := process.CombinedOutput()
	if err == nil || process.ProcessState.Exited() {
		t.Fatalf("%s: the process wasn't killed: %v\n%s", point, err, out)
	}
}
