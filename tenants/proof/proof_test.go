package proof_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/proof"
	"tenantry/tenants/tenantstest"
)

// storage stands in for the backups of tenants.
type storage struct {
	mu    sync.Mutex // protects the fields below
	tried []string
	bad   map[string]error // by subdomain
}

func (s *storage) verify(_ context.Context, t *tenants.Tenant) (backup.Restored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = append(s.tried, t.Subdomain)
	return backup.Restored{At: time.Now(), Size: 1000}, s.bad[t.Subdomain]
}

// take returns the tenants that were tried since it was called last.
func (s *storage) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tried := s.tried
	s.tried = nil
	slices.Sort(tried)
	return strings.Join(tried, " ")
}

func (s *storage) proofs(env *tenantstest.Env, interval, age time.Duration) *proof.Proofs {
	return proof.New(proof.Options{
		Store: env.Store, Verify: s.verify, Record: env.Lifecycle.RecordProof, Interval: interval, Age: age,
		Log:        slog.New(slog.DiscardHandler),
		IsBackedUp: func(server string) bool { return server == tenants.DefaultServer },
	})
}

const day = 24 * time.Hour

// fill creates tenants in the master alone, each an hour younger than the one before, the first so many days old.
func fill(t *testing.T, env *tenantstest.Env, n, days int) {
	t.Helper()
	var all []tenants.Tenant
	for i := range n {
		id := fmt.Sprintf("01filled%018d", i)
		all = append(all, tenants.Tenant{
			ID: id, Subdomain: fmt.Sprintf("t%02d", i), Name: id, State: tenants.StateActive, Server: tenants.DefaultServer, Database: id,
			SchemaVersion: 1, Epoch: 1, CreatedBy: "test", CreatedAt: time.Now().Add(-time.Duration(days)*day + time.Duration(i)*time.Hour).UTC(),
		})
	}
	update(t, env, func(tx *gorm.DB) error { return tx.Create(&all).Error })
	t.Cleanup(func() { // or their databases would be dropped
		_ = env.Store.Master().Update(context.Background(), func(tx *gorm.DB) error { return tx.Delete(&tenants.Tenant{}, "id LIKE '01filled%'").Error })
	})
}

func update(t *testing.T, env *tenantstest.Env, f tenants.Func) {
	t.Helper()
	must(t, env.Store.Master().Update(t.Context(), f))
}

// night makes the next round due, and the tries so far a day older.
func night(t *testing.T, env *tenantstest.Env) {
	t.Helper()
	update(t, env, func(tx *gorm.DB) error {
		var proofs []tenants.Proof
		if err := tx.Find(&proofs).Error; err != nil {
			return err
		}
		for _, p := range proofs {
			columns := map[string]any{"tried_at": p.TriedAt.Add(-day)}
			if p.ProvenAt != nil {
				columns["proven_at"] = p.ProvenAt.Add(-day)
			}
			if err := tx.Model(&p).Updates(columns).Error; err != nil {
				return err
			}
		}
		return tx.Model(&tenants.Chore{}).Where("1 = 1").Update("due_at", time.Now().UTC().Add(-time.Minute)).Error
	})
}

// TestRounds: each night the tenants are tried that were not tried for longest, so that every tenant's turn comes within half
// of the age, and those that failed last. New tenants, purged tenants and tenants without a backup are not tried.
func TestRounds(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		fill(t, env, 44, 30)
		change := func(subdomain string, columns map[string]any) {
			update(t, env, func(tx *gorm.DB) error {
				return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", subdomain).Updates(columns).Error
			})
		}
		change("t41", map[string]any{"created_at": time.Now().UTC()})
		change("t42", map[string]any{"state": tenants.StatePurged})
		change("t43", map[string]any{"server": "elsewhere"})
		s := &storage{bad: map[string]error{"t03": backup.ErrDamaged}}
		p := s.proofs(env, day, 8*day) // 42 × 2 / 8 and one more
		for i, want := range []string{
			"t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10", "t03 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20 t21",
			"t03 t22 t23 t24 t25 t26 t27 t28 t29 t30 t31 t32", "t00 t01 t02 t03 t33 t34 t35 t36 t37 t38 t39 t40",
		} {
			must(t, p.Round(t.Context()))
			if got := s.take(); got != want {
				t.Errorf("night %d: tried %q, want %q", i, got, want)
			}
			must(t, p.Round(t.Context()))
			if got := s.take(); got != "" {
				t.Errorf("night %d: tried %q again", i, got)
			}
			night(t, env)
		}
	})
}

// TestOneProcessTries: of several processes one does a round. If it dies, another does one.
func TestOneProcessTries(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		fill(t, env, 5, 10)
		s := &storage{}
		first, second := s.proofs(env, day, 30*day), s.proofs(env.Beside(t, tenantstest.Options{}), day, 30*day)
		var both sync.WaitGroup
		for _, p := range []*proof.Proofs{first, second, first, second} {
			both.Go(func() {
				if err := p.Round(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if got := s.take(); got != "t00 t01 t02 t03 t04" {
			t.Errorf("tried %q", got)
		}
		own := func(id string) {
			night(t, env)
			update(t, env, func(tx *gorm.DB) error {
				return tx.Model(&tenants.Chore{}).Where("1 = 1").Update("instance_id", id).Error
			})
			must(t, second.Round(t.Context()))
		}
		if own(env.Store.Process().ID()); s.take() != "" {
			t.Error("two processes do the same round")
		}
		if own("dead"); s.take() != "t00 t01 t02 t03 t04" {
			t.Error("nothing is tried after a process died")
		}
	})
}

// TestUntried: a storage that can't be reached says nothing about backups. The round ends, and is tried again soon.
func TestUntried(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		fill(t, env, 3, 10)
		away := fmt.Errorf("read: %w", bucket.ErrUnavailable)
		s := &storage{bad: map[string]error{"t01": away}}
		p := s.proofs(env, day, 30*day)
		if err := p.Round(t.Context()); !errors.Is(err, proof.ErrUntried) {
			t.Errorf("error %v", err)
		}
		if got := s.take(); got != "t00 t01" {
			t.Errorf("tried %q", got)
		}
		standing, err := p.Standing(t.Context())
		must(t, err)
		if standing.Failed != 0 || standing.Proven != 1 {
			t.Errorf("%+v", standing)
		}
		var chore tenants.Chore
		must(t, env.Store.Master().View(t.Context(), func(tx *gorm.DB) error { return tx.Take(&chore).Error }))
		if until := time.Until(chore.DueAt); chore.InstanceID != nil || until > 2*time.Hour || until < 0 {
			t.Errorf("%+v, due in %v", chore, until)
		}
		s.bad = map[string]error{"t02": backup.ErrNoBackup}
		tenant, err := env.Lifecycle.Get(t.Context(), "t02")
		must(t, err)
		tenant.CreatedAt = time.Now() // its first backup is still to be made
		if _, err := p.Try(t.Context(), "ada", tenant); !errors.Is(err, proof.ErrUntried) {
			t.Errorf("a new tenant: %v", err)
		}
	})
}

// TestStanding: a failed try, and a proof that is too old or missing, are named until a try succeeds. Each try is in the
// ledger with its outcome.
func TestStanding(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		fill(t, env, 3, 3)
		s := &storage{bad: map[string]error{"t02": backup.ErrNoBackup}}
		p := s.proofs(env, day, 2*day)
		named := func(want string) {
			t.Helper()
			found, err := p.Unproven(t.Context(), 10)
			must(t, err)
			var names []string
			for _, u := range found {
				names = append(names, u.Subdomain)
				if u.String() == "" {
					t.Errorf("%+v", u)
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("named %q, want %q", got, want)
			}
		}
		named("t00 t01 t02")
		try := func(subdomain string) error {
			tenant, err := env.Lifecycle.Get(t.Context(), subdomain)
			must(t, err)
			_, err = p.Try(t.Context(), "ada", tenant)
			return err
		}
		must(t, try("t00"))
		must(t, try("t01"))
		if err := try("t02"); !errors.Is(err, backup.ErrNoBackup) {
			t.Errorf("error %v", err)
		}
		named("t02")
		s.bad = nil
		must(t, try("t02"))
		s.bad = map[string]error{"t01": backup.ErrDamaged}
		if err := try("t01"); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("error %v", err)
		}
		named("t01") // a proof that is young doesn't help
		night(t, env)
		night(t, env)
		night(t, env)
		standing, err := p.Standing(t.Context())
		must(t, err)
		if age := time.Since(*standing.OldestProof); standing.Failed != 1 || standing.Proven != 0 || age < 3*day || age > 3*day+time.Hour {
			t.Errorf("%+v", standing)
		}
		story, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Kind: tenants.KindVerify}, "", 10)
		must(t, err)
		var states []string
		for _, o := range story {
			states = append(states, o.Subdomain+" "+string(o.State))
			if (o.Error == "") != (o.State == tenants.OperationDone) || o.FinishedAt == nil || o.By != "ada" {
				t.Errorf("%+v", o)
			}
		}
		if want := []string{"t01 failed", "t02 done", "t02 failed", "t01 done", "t00 done"}; !slices.Equal(states, want) {
			t.Errorf("ledger: %q, want %q", states, want)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
