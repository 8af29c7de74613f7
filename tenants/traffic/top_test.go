package traffic_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

// write tells of what the process does, after it has done it for a slot.
func (p process) writeLoad(t *testing.T, env *tenantstest.Env) {
	t.Helper()
	if err := p.WriteLoad(t.Context(), env.Store); err != nil {
		t.Fatal(err)
	}
}

func readTop(t *testing.T, env *tenantstest.Env, sort string, limit int) traffic.Standing {
	t.Helper()
	now, err := traffic.NewTop(env.Store).Read(t.Context(), sort, limit)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// TestTopAddsUpProcesses: a tenant that two processes serve is shown once; one that only
// waits is shown too.
func TestTopAddsUpProcesses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 1}, func(t *testing.T, env *tenantstest.Env) {
		acme, stuck := env.Tenant(t, "acme"), env.Tenant(t, "stuck")
		other := env.Beside(t, tenantstest.Options{})
		c := newClock()
		one, two := newProcess(env, c), newProcess(other, c)
		if now := readTop(t, env, "requests", 10); now.Processes != 0 || len(now.Tenants) != 0 {
			t.Errorf("%+v", now)
		}
		one.record(acme.ID, 12)
		one.record("bad", 6)
		two.record(acme.ID, 18)
		c.at = c.at.Add(traffic.TellTime)
		err := env.Store.View(t.Context(), acme, func(*gorm.DB) error {
			ctx, cancel := context.WithCancel(t.Context())
			waited := make(chan error, 1)
			go func() { waited <- env.Store.View(ctx, stuck, func(*gorm.DB) error { return nil }) }()
			for env.Store.Load().Waiting == 0 {
				if len(waited) > 0 {
					t.Fatal(<-waited)
				}
			}
			one.writeLoad(t, env)
			two.writeLoad(t, other)
			cancel()
			<-waited
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		now := readTop(t, other, "requests", 10)
		if now.Processes != 2 || now.Total.Requests != 6 || now.Total.Failures != 1 || now.Total.Waiting != 1 || len(now.Tenants) != 3 {
			t.Errorf("%+v", now)
		}
		first := now.Tenants[0]
		if first.Subdomain != "acme" || first.Server != "default" || first.Requests != 5 || first.Failures != 0 || first.P95 < 0.008 || first.P95 > 0.013 ||
			first.Connections != 1 || first.Size == nil || *first.Size < 4096 {
			t.Errorf("%+v", first)
		}
		if gone := now.Tenants[1]; gone.ID != "bad" || gone.Subdomain != "" || gone.Failures != 1 || gone.Size != nil {
			t.Errorf("%+v", gone)
		}
		for sort, want := range map[string]string{"failures": "bad", "waiting": stuck.ID, "connections": acme.ID, "requests": acme.ID} {
			if now := readTop(t, env, sort, 1); len(now.Tenants) != 1 || now.Tenants[0].ID != want {
				t.Errorf("by %s: %+v", sort, now.Tenants)
			}
		}
		if now := readTop(t, env, "size", 3); now.Tenants[2].ID != "bad" {
			t.Errorf("by size: %+v", now.Tenants)
		}
	})
}

// TestTopForgets what is over: a process that does nothing says so once, and the load of one
// that has left is deleted with it.
func TestTopForgets(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	other := env.Beside(t, tenantstest.Options{})
	c := newClock()
	one, two := newProcess(env, c), newProcess(other, c)
	one.record("a", 3)
	two.record("a", 3)
	c.at = c.at.Add(traffic.TellTime)
	one.writeLoad(t, env)
	two.writeLoad(t, other)
	if err := other.Store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := readTop(t, env, "requests", 1); now.Processes != 1 {
		t.Errorf("after one has left: %+v", now)
	}
	c.pass(1)
	one.writeLoad(t, env)
	if now := readTop(t, env, "requests", 1); now.Processes != 0 {
		t.Errorf("after the other rests: %+v", now)
	}
	if err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Save(&tenants.ProcessLoad{InstanceID: env.Store.Process().ID(), At: time.Now().UTC().Add(-time.Hour), Load: `{"seconds":6,"all":{"requests":3}}`}).Error
	}); err != nil {
		t.Fatal(err)
	}
	if now := readTop(t, env, "requests", 1); now.Processes != 0 {
		t.Errorf("what is old counts: %+v", now)
	}
}

// TestALoadIsBounded, however many tenants are busy.
func TestALoadIsBounded(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	c := newClock()
	p := newProcess(env, c)
	for i := range 200 {
		p.record(fmt.Sprintf("t%03d", i), 1+i%3)
	}
	c.at = c.at.Add(traffic.TellTime)
	p.writeLoad(t, env)
	if now := readTop(t, env, "requests", traffic.MaxTop); len(now.Tenants) != 50 || now.Tenants[49].Requests != 0.5 {
		t.Errorf("%d tenants", len(now.Tenants))
	}
}
