package webhooks_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/webhooks"
)

// The environment of a process that is killed: the Env that it joins, and where it delivers, if it does.
const joinEnv, urlEnv = "WEBHOOKS_TEST_JOIN", "WEBHOOKS_TEST_URL"

// TestTheKilled is the process that TestKilledBetweenCommitAndDelivery kills. It creates a tenant, and delivers that if it has a
// URL.
func TestTheKilled(t *testing.T) {
	if os.Getenv(joinEnv) == "" {
		return // it is an ordinary test run
	}
	env := tenantstest.Join(t, os.Getenv(joinEnv), tenantstest.Options{})
	must(t, env.Store.SendWebhooks(t.Context()))
	_, err := env.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme", By: "ada"})
	must(t, err)
	if url := os.Getenv(urlEnv); url != "" {
		deliver(t, env, url, time.Minute)
		time.Sleep(30 * time.Second) // the receiver kills it meanwhile
		return
	}
	self, err := os.FindProcess(os.Getpid())
	must(t, err)
	must(t, self.Kill())
}

// TestKilledBetweenCommitAndDelivery: a process that is killed when an operation has ended, or while it is being delivered, leaves a
// delivery to another one. The receiver gets the same body with the same id again.
func TestKilledBetweenCommitAndDelivery(t *testing.T) {
	t.Parallel()
	for name, delivers := range map[string]bool{"after the commit": false, "during the delivery": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
				killed := make(chan *os.Process, 1)
				r := receive(t, func(_ http.ResponseWriter, r *http.Request, _ webhooks.Event) {
					select {
					case process := <-killed:
						must(t, process.Kill())
						<-r.Context().Done() // until its connection ends
					default:
					}
				})
				child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKilled$")
				child.Env = append(os.Environ(), joinEnv+"="+env.Address(t))
				if delivers {
					child.Env = append(child.Env, urlEnv+"="+r.url)
				}
				var said bytes.Buffer
				child.Stdout, child.Stderr = &said, &said
				must(t, child.Start())
				if delivers {
					killed <- child.Process
				}
				if err := child.Wait(); err == nil || child.ProcessState.Exited() {
					t.Fatalf("the process was not killed: %v: %s", err, said.String())
				}
				left := waiting(t, env)
				if len(left) != 1 || delivers != (left[0].Attempt == 1) {
					t.Fatalf("left: %+v", left)
				}
				inMaster(t, env, func(tx *gorm.DB) error { // what the dead process may take is over
					return tx.Model(&jobs.Row{}).Where("id = ?", left[0].ID).Update("scheduled_at", time.Now().UTC()).Error
				})
				deliver(t, env, r.url, 0)
				awaitJobs(t, env, none)
				want := map[bool]int{true: 2, false: 1}[delivers]
				if got := r.got[left[0].ID]; len(got) != want || r.count("") != want || got[0].Data.Kind != tenants.KindCreate || got[0].Data.By != "ada" {
					t.Errorf("deliveries: %+v", r.got)
				}
			})
		})
	}
}
