package seed

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// wantRun runs the seed and wants the outcomes, in the order of the results.
func wantRun(t testing.TB, env *tenantstest.Env, subdomains []string, want ...Outcome) []Result {
	t.Helper()
	results, err := Run(t.Context(), env.Store, env.Lifecycle, subdomains, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(want) {
		t.Fatalf("results are %+v, want %q", results, want)
	}
	for i, result := range results {
		if result.Outcome != want[i] {
			t.Errorf("%s: outcome %q, want %q", result.Subdomain, result.Outcome, want[i])
		}
	}
	return results
}

func get(t testing.TB, env *tenantstest.Env, subdomain string) *tenants.Tenant {
	t.Helper()
	tenant, err := env.Lifecycle.Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// create makes an empty tenant as the seed would.
func create(t testing.TB, env *tenantstest.Env, subdomain string) *tenants.Tenant {
	t.Helper()
	tenant, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain, CreatedBy: CreatedBy})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func write(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, row any) {
	t.Helper()
	if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Create(row).Error }); err != nil {
		t.Fatal(err)
	}
}

// set changes a column of a tenant in the master.
func set(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant, column string, value any) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(tenant).Update(column, value).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRun runs the seed twice on each engine. What is stored is the same on
// both, because it is what was made up, with ids from 1.
func TestRun(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		results := wantRun(t, env, nil, Created, Created, Created)
		masters := map[string]tenants.Tenant{}
		for i, c := range companies() {
			tenant := get(t, env, c.Subdomain)
			masters[c.Subdomain] = *tenant
			if tenant.Name != c.Name || tenant.CreatedBy != CreatedBy || tenant.State != tenants.StateActive {
				t.Errorf("tenant %+v", tenant)
			}
			stored := read(t, env, tenant)
			wantSame(t, c.Subdomain, stored.String(), numbered(generate(c)).String())
			if want := (Result{c.Subdomain, c.Name, Created, "", stored.size()}); results[i] != want {
				t.Errorf("result %+v, want %+v", results[i], want)
			}
		}

		results = wantRun(t, env, Subdomains(), Unchanged, Unchanged, Unchanged)
		for i, c := range companies() {
			tenant := get(t, env, c.Subdomain)
			was := masters[c.Subdomain]
			was.Settings, tenant.Settings = tenants.StoredSettings{}, tenants.StoredSettings{} // with values that were read
			if !reflect.DeepEqual(*tenant, was) || results[i].Rows != 0 {
				t.Errorf("the second run made %+v of %+v, %d rows", tenant, was, results[i].Rows)
			}
			wantSame(t, c.Subdomain+" after the second run", read(t, env, tenant).String(), numbered(generate(c)).String())
		}
	})
}

// TestNewRowsCanFollow: the ids that the seed used are not given again.
func TestNewRowsCanFollow(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		wantRun(t, env, []string{"acme"}, Created)
		acme := get(t, env, "acme")
		before := read(t, env, acme)
		write(t, env, acme, &models.User{Email: "new@acme.example", Name: "New", Role: models.RoleMember})
		write(t, env, acme, &models.Project{Name: "New"})
		write(t, env, acme, &models.Task{ProjectID: 1, Title: "New", Status: models.StatusTodo})
		write(t, env, acme, &models.Comment{TaskID: 1, Body: "New"})
		write(t, env, acme, &models.Activity{Action: "task.created", SubjectID: 1, Summary: "New"})
		if after := read(t, env, acme); after.size() != before.size()+5 {
			t.Errorf("%d rows, there were %d", after.size(), before.size())
		}
		wantRun(t, env, []string{"acme"}, Unchanged)
	})
}

func TestChosenSubdomains(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	results := wantRun(t, env, []string{"globex", "acme", "globex"}, Created, Created)
	if results[0].Subdomain != "globex" || results[1].Subdomain != "acme" {
		t.Errorf("results %+v", results)
	}
	if _, err := env.Lifecycle.Get(t.Context(), "initech"); !errors.Is(err, tenants.ErrUnknownTenant) {
		t.Errorf("initech: %v", err)
	}
}

func TestUnknownSubdomain(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	for _, subdomain := range []string{"umbrella", "", "ACME", "acme.", "acme globex"} {
		results, err := Run(t.Context(), env.Store, env.Lifecycle, []string{"acme", subdomain}, nil)
		if !errors.Is(err, ErrUnknown) || results != nil {
			t.Fatalf("%q: results %v, error %v", subdomain, results, err)
		}
		if !strings.Contains(err.Error(), "acme, globex, initech") {
			t.Errorf("%q: error %q doesn't name the demo tenants", subdomain, err)
		}
	}
	if page, _, err := env.Lifecycle.List(t.Context(), "", 10); err != nil || len(page) != 0 {
		t.Errorf("there are %d tenants, %v", len(page), err)
	}
}

// TestForeignTenantIsNotTouched: not one that is empty, and not one in use.
func TestForeignTenantIsNotTouched(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		write(t, env, globex, &models.Project{Name: "Their own"})
		before, master := read(t, env, globex).String(), *get(t, env, "acme")

		results := wantRun(t, env, []string{"acme", "globex"}, Skipped, Skipped)
		if results[0].Reason == "" || results[0].Rows != 0 {
			t.Errorf("result %+v", results[0])
		}
		if n := read(t, env, acme).size(); n != 0 {
			t.Errorf("acme has %d rows", n)
		}
		wantSame(t, "globex", read(t, env, globex).String(), before)
		if !reflect.DeepEqual(*get(t, env, "acme"), master) {
			t.Errorf("acme was %+v and is %+v", master, *get(t, env, "acme"))
		}
	})
}

func TestTenantThatIsNotActive(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	acme := create(t, env, "acme")
	for _, state := range []tenants.State{tenants.StateSuspended, tenants.StateArchived, tenants.StateMaintenance, tenants.StatePurged} {
		set(t, env, acme, "state", state)
		results := wantRun(t, env, []string{"acme"}, Skipped)
		if !strings.Contains(results[0].Reason, string(state)) {
			t.Errorf("reason %q, the tenant is %s", results[0].Reason, state)
		}
	}
	set(t, env, acme, "state", tenants.StateActive)
	if n := read(t, env, acme).size(); n != 0 {
		t.Errorf("acme has %d rows", n)
	}
}

func TestEmptyTenantIsFilled(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		tenant := create(t, env, "acme")
		wantRun(t, env, []string{"acme"}, Filled)
		wantSame(t, "acme", read(t, env, tenant).String(), numbered(generate(load[company]("acme"))).String())
	})
}

// TestHalfMadeTenantIsFinished: the process died while it made the tenant.
func TestHalfMadeTenantIsFinished(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		tenant := create(t, env, "acme")
		set(t, env, tenant, "state", tenants.StateProvisioning)
		wantRun(t, env, []string{"acme"}, Filled)
		if got := get(t, env, "acme"); got.State != tenants.StateActive || got.ID != tenant.ID {
			t.Errorf("tenant %+v", got)
		}
		wantSame(t, "acme", read(t, env, tenant).String(), numbered(generate(load[company]("acme"))).String())
	})
}

// TestTenantInUseIsNotFilled: one row of a person or of what was done is use.
func TestTenantInUseIsNotFilled(t *testing.T) {
	t.Parallel()
	for _, row := range []any{
		&models.User{Email: "a@b.example", Name: "A", Role: models.RoleAdmin},
		&models.Activity{Action: "user.deleted", SubjectID: 1, Summary: "deleted user “A”"},
	} {
		env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
		tenant := create(t, env, "acme")
		write(t, env, tenant, row)
		wantRun(t, env, []string{"acme"}, Unchanged)
		if n := read(t, env, tenant).size(); n != 1 {
			t.Errorf("%d rows beside %T", n, row)
		}
	}
}

// TestCancelLeavesNothing cancels in the middle of the rows. The next run fills
// the tenant.
func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cancelled := 0
		results, err := Run(ctx, env.Store, env.Lifecycle, []string{"globex", "acme"}, func(p Progress) {
			if p.Done > p.Total/2 {
				cancelled++
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || len(results) != 0 || cancelled == 0 {
			t.Fatalf("results %v, error %v", results, err)
		}
		tenant := get(t, env, "globex")
		if n := read(t, env, tenant).size(); n != 0 {
			t.Errorf("globex has %d rows", n)
		}
		if _, err := env.Lifecycle.Get(t.Context(), "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("acme: %v", err)
		}

		wantRun(t, env, []string{"globex"}, Filled)
		want := generate(load[company]("globex"))
		if n := read(t, env, tenant).size(); n != want.size() {
			t.Errorf("globex has %d rows, want %d", n, want.size())
		}
	})
}

// TestPanicLeavesNothing: also what progress does can't leave half a tenant.
func TestPanicLeavesNothing(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	func() {
		defer func() { _ = recover() }()
		_, _ = Run(t.Context(), env.Store, env.Lifecycle, []string{"acme"}, func(Progress) { panic("progress") })
		t.Error("the panic was swallowed")
	}()
	if n := read(t, env, get(t, env, "acme")).size(); n != 0 {
		t.Errorf("acme has %d rows", n)
	}
	wantRun(t, env, []string{"acme"}, Filled)
}

// TestOneFailureStopsNoOther: a tenant whose server is gone is reported, and
// the others are made.
func TestOneFailureStopsNoOther(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	tenant := create(t, env, "acme")
	set(t, env, tenant, "server", "elsewhere")
	results, err := Run(t.Context(), env.Store, env.Lifecycle, []string{"acme", "globex"}, nil)
	if !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(err.Error(), `"acme"`) {
		t.Errorf("error %v", err)
	}
	if len(results) != 1 || results[0].Subdomain != "globex" || results[0].Outcome != Created {
		t.Errorf("results %+v", results)
	}
	set(t, env, tenant, "server", tenants.DefaultServer)
	wantRun(t, env, []string{"acme"}, Filled)
}

// TestRunsAtOnce: of several runs one makes each tenant.
func TestRunsAtOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		var group sync.WaitGroup
		wrote := make([]int, 4)
		for i := range wrote {
			group.Go(func() {
				results, err := Run(t.Context(), env.Store, env.Lifecycle, []string{"acme"}, nil)
				if err != nil || len(results) != 1 {
					t.Errorf("results %v, error %v", results, err)
					return
				}
				wrote[i] = results[0].Rows
			})
		}
		group.Wait()
		want := generate(load[company]("acme")).size()
		if total := wrote[0] + wrote[1] + wrote[2] + wrote[3]; total != want {
			t.Errorf("the runs say that they wrote %v rows, want %d", wrote, want)
		}
		if n := read(t, env, get(t, env, "acme")).size(); n != want {
			t.Errorf("acme has %d rows, want %d", n, want)
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	var all []Progress
	results, err := Run(t.Context(), env.Store, env.Lifecycle, nil, func(p Progress) { all = append(all, p) })
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]Progress{}
	for _, p := range all {
		if before := last[p.Subdomain]; p.Done <= before.Done || p.Done > p.Total || p.Done-before.Done > batch {
			t.Errorf("%+v after %+v", p, before)
		}
		last[p.Subdomain] = p
	}
	for _, result := range results {
		if p := last[result.Subdomain]; p.Done != p.Total || p.Total != result.Rows {
			t.Errorf("%+v at the end, %d rows", p, result.Rows)
		}
	}
}

func TestResultAsJSON(t *testing.T) {
	t.Parallel()
	for want, result := range map[string]Result{
		`{"subdomain":"acme","name":"Acme","outcome":"created","rows":7}`:              {"acme", "Acme", Created, "", 7},
		`{"subdomain":"acme","name":"Acme","outcome":"skipped","reason":"x","rows":0}`: {"acme", "Acme", Skipped, "x", 0},
	} {
		if got, err := json.Marshal(result); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// BenchmarkRun makes all three tenants.
func BenchmarkRun(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				env := tenantstest.New(b, tenantstest.Options{Schema: models.Workspace(), Engine: engine})
				b.StartTimer()
				if _, err := Run(b.Context(), env.Store, env.Lifecycle, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		for _, c := range companies() {
			generate(c)
		}
	}
}
