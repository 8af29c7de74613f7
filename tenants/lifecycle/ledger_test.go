package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

func newULID() string { return strings.ToLower(ulid.Make().String()) }

// idAt returns an id that was made at that time.
func idAt(at time.Time) string {
	return strings.ToLower(ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String())
}

// operations returns the operations on the tenant, the latest first.
func operations(t *testing.T, env *tenantstest.Env, name string) []tenants.Operation {
	t.Helper()
	tenant, err := env.Lifecycle.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: tenant.ID}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// kinds are those of the operations, the first first.
func kinds(page []tenants.Operation) string {
	var words []string
	for i := len(page) - 1; i >= 0; i-- {
		words = append(words, string(page[i].Kind))
	}
	return strings.Join(words, " ")
}

func TestTheLedgerTellsATenantsStory(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		m := env.Lifecycle
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		for _, do := range []func() (*tenants.Tenant, error){
			func() (*tenants.Tenant, error) { return m.Suspend(t.Context(), "ada", "acme") },
			func() (*tenants.Tenant, error) { return m.Suspend(t.Context(), "ada", "acme") }, // nothing to do
			func() (*tenants.Tenant, error) { return m.Resume(t.Context(), "bob", "acme") },
			func() (*tenants.Tenant, error) {
				return m.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "apex"})
			},
			func() (*tenants.Tenant, error) { return m.Archive(t.Context(), "ada", "apex") },
			func() (*tenants.Tenant, error) { return m.Restore(t.Context(), "ada", "apex") },
			func() (*tenants.Tenant, error) { return m.Archive(t.Context(), "ada", "apex") },
			func() (*tenants.Tenant, error) { return m.Purge(t.Context(), "ada", "apex", time.Hour) },
			func() (*tenants.Tenant, error) { return m.Restore(t.Context(), "ada", "apex") },
		} {
			if _, err := do(); err != nil {
				t.Fatal(err)
			}
		}
		page := operations(t, env, "apex")
		if got, want := kinds(page), "create suspend resume rename archive unarchive archive purge restore"; got != want {
			t.Errorf("the story is %q, want %q", got, want)
		}
		for _, o := range page {
			if o.State != tenants.OperationDone || o.FinishedAt == nil || o.Step != "" || o.Error != "" || o.Attempts != 1 || o.By == "" {
				t.Errorf("%+v", o)
			}
		}
		if page[len(page)-3].By != "bob" || page[len(page)-4].Subdomain != "acme" {
			t.Errorf("resumed by %s, renamed from %s", page[len(page)-3].By, page[len(page)-4].Subdomain)
		}
		all, next, err := m.Operations(t.Context(), lifecycle.OperationFilter{}, "", 7)
		if err != nil || len(all) != 7 || next == "" {
			t.Fatalf("%d operations, next %q, %v", len(all), next, err)
		}
		rest, next, err := m.Operations(t.Context(), lifecycle.OperationFilter{}, next, 7)
		if err != nil || len(rest) != 3 || next != "" {
			t.Errorf("%d operations more, next %q, %v", len(rest), next, err)
		}
		if left := acknowledgements(t, env); left != 0 {
			t.Errorf("%d acknowledgements are left", left)
		}
	})
}

func acknowledgements(t *testing.T, env *tenantstest.Env) (n int64) {
	t.Helper()
	err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error { return tx.Model(&tenants.Acknowledgement{}).Count(&n).Error })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// abandon makes the tenant's last operation look as if the process that worked on it had died.
func abandon(t *testing.T, env *tenantstest.Env, name string, changes map[string]any) {
	t.Helper()
	o := operations(t, env, name)[0]
	changes["instance_id"], changes["finished_at"] = newULID(), nil
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Model(&o).Updates(changes).Error })
	if err != nil {
		t.Fatal(err)
	}
}

// halfMade is a tenant whose creation was interrupted, before or after its
// database was made.
func halfMade(t *testing.T, env *tenantstest.Env, subdomain string, database bool) *tenants.Tenant {
	t.Helper()
	tenant := env.Tenant(t, subdomain)
	if !database {
		if err := env.Engine.Drop(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(tenant).Update("state", tenants.StateProvisioning).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	abandon(t, env, subdomain, map[string]any{"state": tenants.OperationRunning, "step": "database"})
	return tenant
}

// usable fails the test unless the tenant can be worked on.
func usable(t *testing.T, env *tenantstest.Env, name string) {
	t.Helper()
	tenant, err := env.Lifecycle.Get(t.Context(), name)
	if err == nil && tenant.State != tenants.StateActive {
		t.Errorf("%s is %s", name, tenant.State)
	}
	if err == nil {
		err = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: newULID()}).Error })
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestRecoverFinishesCreations(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		halfMade(t, env, "reserved", false)
		halfMade(t, env, "created", true)
		var group sync.WaitGroup
		for range 4 { // they share the work
			group.Go(func() {
				if err := env.Lifecycle.Recover(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, name := range []string{"reserved", "created"} {
			usable(t, env, name)
			if o := operations(t, env, name)[0]; o.Attempts != 2 || o.State != tenants.OperationDone {
				t.Errorf("%s: %+v", name, o)
			}
		}
	})
}

func TestFinishCreate(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		halfMade(t, env, "acme", false)
		for range 2 { // the second finds it done
			if _, err := env.Lifecycle.FinishCreate(t.Context(), "acme", nil); err != nil {
				t.Fatal(err)
			}
		}
		usable(t, env, "acme")
		if _, err := env.Lifecycle.FinishCreate(t.Context(), "nobody", nil); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("nobody: %v", err)
		}
	})
}

// TestCreationsThatTheLedgerDoesntKnow: of a program without a ledger, which died.
func TestCreationsThatTheLedgerDoesntKnow(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		for name, finish := range map[string]func() error{
			"asked": func() error { _, err := env.Lifecycle.FinishCreate(t.Context(), "asked", nil); return err },
			"found": func() error { return env.Lifecycle.Recover(t.Context()) },
		} {
			made := halfMade(t, env, name, false)
			forget := func(tx *gorm.DB) error { return tx.Delete(&tenants.Operation{}, "tenant_id = ?", made.ID).Error }
			if err := env.Store.Master().Update(t.Context(), forget); err != nil {
				t.Fatal(err)
			}
			if err := finish(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			usable(t, env, name)
			if story := operations(t, env, name); len(story) != 1 || story[0].State != tenants.OperationDone {
				t.Errorf("%s: %+v", name, story)
			}
		}
	})
}

// TestRecoverLeavesTheLivingAlone: what a live process is at is its own.
func TestRecoverLeavesTheLivingAlone(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		halfMade(t, env, "acme", true)
		other := second(t, env, tenants.Options{})
		o := operations(t, env, "acme")[0]
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&o).Update("instance_id", other.Process().ID()).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := env.Lifecycle.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if o := operations(t, env, "acme")[0]; o.FinishedAt != nil || o.Attempts != 1 {
			t.Errorf("%+v", o)
		}
	})
}

// TestRecoverResumesOwnOperation: it could not let go of an operation
// in the master, which did not answer, and lives on.
func TestRecoverResumesOwnOperation(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		halfMade(t, env, "acme", false)
		o := operations(t, env, "acme")[0]
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&o).Update("instance_id", env.Store.Process().ID()).Error
		})
		if err == nil {
			err = env.Lifecycle.Recover(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		usable(t, env, "acme")
	})
}

// TestRecoverLeavesItsOwnProcessAlone recovers while an operation is at each of
// its points.
func TestRecoverLeavesItsOwnProcessAlone(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		points := 0
		m := lifecycle.New(env.Store, lifecycle.Options{Interrupt: func(point string) {
			points++
			if err := env.Lifecycle.Recover(t.Context()); err != nil {
				t.Errorf("%s: %v", point, err)
			}
		}})
		if _, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		for _, o := range operations(t, env, "acme") {
			if o.Attempts != 1 || o.State != tenants.OperationDone {
				t.Errorf("%+v", o)
			}
		}
		if held := env.Store.Process().Held(); points != 10 || len(held) > 0 {
			t.Errorf("%d points; still held are %q", points, held)
		}
	})
}

// TestTakenOverProcessStops has another process take an operation over in
// the middle of a step: it is recorded once.
func TestTakenOverProcessStops(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		var taken string
		m := managerOver(t, env, &before{env.Engine, func(tenant *tenants.Tenant) {
			taken = newULID()
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				return tx.Model(&tenants.Operation{}).Where("tenant_id = ?", tenant.ID).Update("instance_id", taken).Error
			})
			if err != nil {
				t.Error(err)
			}
		}})
		if _, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}); err == nil {
			t.Error("it was recorded by who had lost it")
		}
		o := operations(t, env, "acme")[0]
		if o.FinishedAt != nil || o.InstanceID == nil || *o.InstanceID != taken || o.State != tenants.OperationRunning {
			t.Errorf("%+v", o)
		}
		if err := env.Lifecycle.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		usable(t, env, "acme")
	})
}

// before is an engine that does something before it creates a database.
type before struct {
	tenants.Engine
	do func(t *tenants.Tenant)
}

func (b *before) Create(ctx context.Context, t *tenants.Tenant) error {
	b.do(t)
	return b.Engine.Create(ctx, t)
}

// TestRecoverUndoesWhatCantBeFinished: a server that is down is waited for,
// another error is not.
func TestRecoverUndoesWhatCantBeFinished(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f := &fault{}
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, Wrap: func(e tenants.Engine) tenants.Engine {
				f.Engine = e
				return f
			}})
			halfMade(t, env, "acme", false)
			f.before = tenants.ErrUnavailable
			if err := env.Lifecycle.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			o := operations(t, env, "acme")[0]
			if o.FinishedAt != nil || o.InstanceID != nil || !strings.Contains(o.Error, tenants.ErrUnavailable.Error()) {
				t.Errorf("while the server is down: %+v", o)
			}
			f.before = errors.New("broken")
			if err := env.Lifecycle.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := env.Lifecycle.Get(t.Context(), "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
				t.Errorf("Get: %v", err)
			}
			page, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{}, "", 1)
			if err != nil || page[0].State != tenants.OperationFailed || !strings.Contains(page[0].Error, "broken") {
				t.Errorf("%+v, %v", page[0], err)
			}
			f.before = nil
			env.Tenant(t, "acme")
		})
	}
}
