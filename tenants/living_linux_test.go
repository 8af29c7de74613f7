package tenants_test

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestAnInstanceLivesAsLongAsItsProcess on the same machine, if it doesn't hold its mark: it may be cut off from the
// master, or stopped, and is waited for; once its process was killed, it isn't.
func TestAnInstanceLivesAsLongAsItsProcess(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		process := exec.CommandContext(t.Context(), "sleep", "600")
		must(t, process.Start())
		cut := tenants.Instance{
			ID: "01cut000000000000000000000", Name: "cut off", StartedAt: time.Now(), ExpiresAt: time.Now(), TTL: time.Hour,
			Origin: tenants.OriginOf(process.Process.Pid),
		}
		lives := func() (lives bool) {
			must(t, env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
				living, err := env.Store.Master().Living(tx)
				lives = slices.ContainsFunc(living, func(i tenants.Instance) bool { return i.ID == cut.ID })
				return err
			}))
			return lives
		}
		must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&cut).Error }))
		if !lives() {
			t.Error("an instance that is cut off counts as dead")
		}
		must(t, process.Process.Signal(syscall.SIGSTOP))
		if !lives() {
			t.Error("an instance that is cut off and stopped counts as dead")
		}
		must(t, process.Process.Kill())
		_ = process.Wait()
		if lives() {
			t.Error("an instance whose process was killed counts as alive")
		}
	})
}
