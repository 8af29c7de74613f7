package lifecycle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest"
)

func ring(t *testing.T, keys ...string) *seal.Ring {
	t.Helper()
	r, err := seal.ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sealed(t *testing.T, keys *seal.Ring, id, secret string) []byte {
	t.Helper()
	value, err := keys.Seal(id, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// store puts credentials into a tenant's row by hand.
func store(t *testing.T, env *tenantstest.Env, id string, credentials []byte) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{ID: id}).Update("credentials", credentials).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func examine(t *testing.T, env *tenantstest.Env, keys *seal.Ring, repair bool) map[string]lifecycle.Finding {
	t.Helper()
	findings, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: keys, Repair: repair})
	if err != nil {
		t.Fatal(err)
	}
	bySubject := map[string]lifecycle.Finding{}
	for _, f := range findings {
		if _, twice := bySubject[f.Subject]; twice || f.Detail == "" || f.Remedy == "" {
			t.Errorf("finding %+v", f)
		}
		bySubject[f.Subject] = f
	}
	return bySubject
}

func TestDoctorFindsWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		const secret = "hunter2-hunter2"
		for _, subdomain := range []string{"copied", "foreign", "altered", "cut", "garbage", "fine"} {
			env.Tenant(t, subdomain)
		}
		if found := examine(t, env, env.Keys, true); len(found) != 0 {
			t.Errorf("found %+v among healthy tenants", found)
		}
		id := func(subdomain string) string {
			tenant, err := env.Lifecycle.Get(t.Context(), subdomain)
			if err != nil {
				t.Fatal(err)
			}
			return tenant.ID
		}
		altered := sealed(t, env.Keys, id("altered"), secret)
		altered[40] ^= 1
		harm := map[string][]byte{
			"copied":  sealed(t, env.Keys, id("fine"), secret),
			"foreign": sealed(t, ring(t, seal.GenerateKey()), id("foreign"), secret),
			"altered": altered,
			"cut":     sealed(t, env.Keys, id("cut"), secret)[:48],
			"garbage": []byte("x"),
		}
		for subdomain, credentials := range harm {
			store(t, env, id(subdomain), credentials)
		}
		found := examine(t, env, env.Keys, true)
		for subdomain := range harm {
			if f := found[subdomain]; f.Kind != lifecycle.CredentialsUnreadable || f.Repaired {
				t.Errorf("%s: %+v", subdomain, f)
			}
			if got, err := env.Lifecycle.Get(t.Context(), subdomain); err != nil || !bytes.Equal(got.Credentials, harm[subdomain]) {
				t.Errorf("%s was changed, %v", subdomain, err)
			}
		}
		if len(found) != len(harm) || strings.Contains(fmt.Sprint(found), secret) {
			t.Errorf("found %+v", found)
		}
	})
}

func TestDoctorSealsAnewWhatAnOldKeySealed(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		oldKey, newKey := seal.GenerateKey(), seal.GenerateKey()
		before, both, after := ring(t, oldKey), ring(t, newKey, oldKey), ring(t, newKey)
		ids := map[string]string{}
		for _, subdomain := range []string{"a", "b", "c"} {
			ids[subdomain] = env.Tenant(t, subdomain).ID
			store(t, env, ids[subdomain], sealed(t, before, ids[subdomain], "secret of "+subdomain))
		}
		store(t, env, ids["c"], sealed(t, both, ids["c"], "secret of c"))
		for _, repair := range []bool{false, true} {
			found := examine(t, env, both, repair)
			for _, subdomain := range []string{"a", "b"} {
				if f := found[subdomain]; f.Kind != lifecycle.CredentialsOldKey || f.Repaired != repair || !strings.Contains(f.Detail, before.IDs()[0]) {
					t.Errorf("repair %t, %s: %+v", repair, subdomain, f)
				}
			}
			if len(found) != 2 {
				t.Errorf("repair %t: found %+v", repair, found)
			}
		}
		if found := examine(t, env, after, false); len(found) != 0 { // the old key can go
			t.Errorf("found %+v", found)
		}
		for subdomain, id := range ids {
			got, err := env.Lifecycle.Get(t.Context(), subdomain)
			if err != nil {
				t.Fatal(err)
			}
			if secret, err := after.Open(id, got.Credentials); string(secret) != "secret of "+subdomain || err != nil {
				t.Errorf("%s: secret %q, %v", subdomain, secret, err)
			}
		}
	})
}

func TestDoctorTellsOfMissingCredentials(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		store(t, env, env.Tenant(t, "acme").ID, nil)
		found := examine(t, env, env.Keys, true)
		if env.Kind == tenantstest.SQLite || env.Placement == tenants.PlacementSchema { // tenants have none
			if len(found) != 0 {
				t.Errorf("found %+v", found)
			}
			return
		}
		if f := found["acme"]; f.Kind != lifecycle.CredentialsMissing || f.Repaired {
			t.Errorf("found %+v", found)
		}
	})
}

// TestDoctorLooksAtEveryPage has more tenants than it reads at once.
func TestDoctorLooksAtEveryPage(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		const many = 1203
		rows := make([]tenants.Tenant, many)
		for i := range rows {
			name := fmt.Sprintf("t%04d", i)
			rows[i] = tenants.Tenant{ID: name, Subdomain: name, State: tenants.StateArchived, Server: "elsewhere", Database: name, Credentials: []byte("x")}
		}
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(rows, 100).Error })
		if err != nil {
			t.Fatal(err)
		}
		if found := examine(t, env, env.Keys, false); len(found) != many+1 || found["elsewhere"].Kind != lifecycle.ServerUnknown {
			t.Errorf("found %d of %d", len(found), many)
		}
		err = env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { // they have no database to drop
			return tx.Delete(&tenants.Tenant{}, "server = 'elsewhere'").Error
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestDoctorOverwritesNoChange changes a row between the look and the repair.
func TestDoctorOverwritesNoChange(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		oldKey := seal.GenerateKey()
		before, both := ring(t, oldKey), ring(t, seal.GenerateKey(), oldKey)
		id := env.Tenant(t, "acme").ID
		read, changed := sealed(t, before, id, "read"), sealed(t, before, id, "changed")
		store(t, env, id, changed)
		repaired, err := lifecycle.Reseal(t.Context(), env.Lifecycle, both, &tenants.Tenant{ID: id, Credentials: read})
		if err != nil || repaired {
			t.Errorf("repaired %t, %v", repaired, err)
		}
		if got, err := env.Lifecycle.Get(t.Context(), "acme"); err != nil || !bytes.Equal(got.Credentials, changed) {
			t.Errorf("the change was lost, %v", err)
		}
	})
}

func TestDoctorWithoutKeys(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	if _, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{}); err == nil {
		t.Error("no error")
	}
}

func TestFindingsAreJSON(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	none, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
	text, jsonErr := json.Marshal(append(none, lifecycle.Finding{Kind: "k", Subject: "s", Detail: "d", Remedy: "r", Repaired: true}))
	if want := `[{"kind":"k","subject":"s","detail":"d","remedy":"r","repaired":true}]`; err != nil || jsonErr != nil || string(text) != want || none == nil {
		t.Errorf("%s, %v, %v", text, err, jsonErr)
	}
}

// TestTenantWithAnothersCredentialsIsUnavailable copies one row's sealed value
// to another, as an attacker might who can write the master.
func TestTenantWithAnothersCredentialsIsUnavailable(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, Log: slog.New(slog.NewTextHandler(&log, nil))})
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	store(t, env, acme.ID, globex.Credentials)
	copied, err := env.Lifecycle.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	err = env.Store.View(t.Context(), copied, func(*gorm.DB) error { return nil })
	if !errors.Is(err, tenants.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	secret, err := env.Keys.Open(globex.ID, globex.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, seal.ErrForged.Error()) || !strings.Contains(text, "tenant=acme") || strings.Contains(text, string(secret)) {
		t.Errorf("the log says %s", text)
	}
}
