package jobs_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// The environment of a process that is killed: the Env that it joins, and the tenant for which it works.
const joinEnv, tenantEnv = "JOBS_TEST_JOIN", "JOBS_TEST_TENANT"

// TestTheKilled is the process that TestProcessesAreKilled kills. It writes jobs, some in scopes that are rolled back, and runs them.
func TestTheKilled(t *testing.T) {
	if os.Getenv(joinEnv) == "" {
		return // it is an ordinary test run
	}
	env := tenantstest.Join(t, os.Getenv(joinEnv), tenantstest.Options{Schema: schema(t)})
	tenant, err := env.Lifecycle.Get(t.Context(), os.Getenv(tenantEnv))
	must(t, err)
	run(t, env, steps(newRan()))
	for i := 0; ; i++ {
		if i == 2 {
			fmt.Println("ready") // a job is committed
		}
		err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			name := fmt.Sprintf("%d committed", i)
			if i%3 == 0 {
				name = fmt.Sprintf("%d refused", i)
			}
			must(t, tx.Create(&notes.Folder{Name: name}).Error)
			must(t, jobs.Enqueue(tx, step{name}, jobs.Options{}))
			if i%3 == 0 {
				return errors.ErrUnsupported
			}
			return nil
		})
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
	}
}

// TestProcessesAreKilled at any moment between the steps of their jobs' lives: every job that was committed runs, in a process that
// goes on, and none that wasn't. Each process works for a tenant of its own, so that nothing else makes the tenant be looked at.
func TestProcessesAreKilled(t *testing.T) {
	t.Parallel()
	kills := 4
	if os.Getenv("TENANTRY_TEST_LONG") != "" {
		kills = 200
	}
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t), Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		run(t, env, steps(newRan()))
		var all []*tenants.Tenant
		var killing sync.WaitGroup
		places := make(chan struct{}, 2) // the placements on Postgres share the connections of one server
		for i := range kills {
			tenant := env.Tenant(t, fmt.Sprintf("t%d", i))
			all = append(all, tenant)
			places <- struct{}{}
			killing.Go(func() { defer func() { <-places }(); killOne(t, env, tenant) })
		}
		killing.Wait()
		for _, tenant := range all {
			checkRan(t, env, tenant)
		}
	})
}

// killOne starts a process that works for the tenant, and kills it some time after it has begun.
func killOne(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKilled$")
	process.Env = append(os.Environ(), joinEnv+"="+env.Address(t), tenantEnv+"="+tenant.Subdomain)
	out, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		t.Log(lines.Text())
	}
	time.Sleep(rand.N(150 * time.Millisecond)) // that is the moment
	if err := process.Process.Kill(); err != nil {
		t.Errorf("kill a process: %v", err)
	}
	_ = process.Wait()
}

// checkRan waits until the tenant's jobs have run, and compares them with what their scopes stored.
func checkRan(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	awaitNone(t, env, tenant)
	var folders []notes.Folder
	must(t, env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Find(&folders).Error }))
	wrote, ran := map[string]int{}, map[string]int{}
	for _, f := range folders {
		if f.Remark == "" {
			wrote[f.Name]++
		} else {
			ran[f.Remark]++
		}
	}
	for name := range wrote {
		if strings.HasSuffix(name, "refused") || ran[name] != 1 {
			t.Errorf("%s: %q was stored and ran %d times", tenant.Subdomain, name, ran[name])
		}
	}
	if len(ran) != len(wrote) || len(wrote) == 0 {
		t.Errorf("%s: %d scopes committed, and %d jobs ran", tenant.Subdomain, len(wrote), len(ran))
	}
	t.Logf("%s: %d jobs", tenant.Subdomain, len(wrote))
}
