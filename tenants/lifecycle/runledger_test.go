package lifecycle_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/sync/semaphore"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestLedgerOfManyMigrations migrates tenants at the same time that are behind, suspended, current, archived and under
// another operation: the ledger says of each what it says without a RunLedger.
func TestLedgerOfManyMigrations(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		today, next := builds(t, engine)
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("behind-%d", i))
		}
		names = append(names, "suspended", "current", "purged")
		ids := map[string]string{}
		for _, name := range names {
			ids[name] = today.Tenant(t, name).ID
		}
		_, suspend := today.Lifecycle.Suspend(t.Context(), "ada", "suspended")
		_, migrate := next.Lifecycle.Migrate(t.Context(), "ada", "current")
		_, archive := today.Lifecycle.Archive(t.Context(), "ada", "purged")
		_, purge := today.Lifecycle.Purge(t.Context(), "ada", "purged", lifecycle.DefaultGrace)
		if err := errors.Join(suspend, migrate, archive, purge, today.Store.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		in := lifecycle.InRun{ID: "01kb05k4mhg5sm3e9n7cfyd4yz", Slots: semaphore.NewWeighted(4), Ledger: next.Lifecycle.NewRunLedger()}
		failed := map[string]error{}
		var mu sync.Mutex
		var working sync.WaitGroup
		for name, id := range ids {
			working.Go(func() {
				if _, err := next.Lifecycle.MigrateInRun(t.Context(), "ada", in, id); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed[name] = err
				}
			})
		}
		working.Wait()
		var state *lifecycle.StateError
		if len(failed) != 1 || !errors.As(failed["purged"], &state) {
			t.Errorf("failed: %v", failed)
		}
		for name, id := range ids {
			wantMigrated(t, next, name, id)
		}
	})
}

// wantMigrated expects what a run has recorded of the tenant.
func wantMigrated(t *testing.T, env *tenantstest.Env, name, id string) {
	t.Helper()
	now, err := env.Lifecycle.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: id, Kind: tenants.KindMigrate}, "", 1)
	if err != nil || len(page) != 1 {
		t.Fatalf("%s: operations %+v, %v", name, page, err)
	}
	op := page[0]
	state, version, result, inRun := tenants.StateActive, int64(900), tenants.OperationDone, true
	switch name {
	case "suspended":
		state = tenants.StateSuspended
	case "purged":
		state, version, result = tenants.StatePurged, now.SchemaVersion, tenants.OperationFailed
	case "current":
		inRun = false
	}
	if now.State != state || now.SchemaVersion != version {
		t.Errorf("%s is %s at %d", name, now.State, now.SchemaVersion)
	}
	if op.State != result || op.By != "ada" || op.FinishedAt == nil || op.InstanceID != nil || (op.RunID != nil) != inRun {
		t.Errorf("%s: the operation is %+v", name, op)
	}
	if result == tenants.OperationFailed && op.Error == "" {
		t.Errorf("%s: the ledger doesn't say why it failed", name)
	}
}
