package lifecycle_test

import (
	"errors"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestNamesOfAnotherProgram: what operators read and publish has the names that
// the application gives.
func TestNamesOfAnotherProgram(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	m := lifecycle.New(env.Store, lifecycle.Options{Program: "bookery", Challenge: "_bookery", Reserved: []string{"library"}})
	if _, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "library"}); !errors.Is(err, tenants.ErrInvalidSubdomain) {
		t.Errorf("a reserved subdomain: %v", err)
	}
	if _, err := m.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "library"}); !errors.Is(err, tenants.ErrInvalidSubdomain) {
		t.Errorf("a reserved subdomain: %v", err)
	}
	added, err := m.AddDomain(t.Context(), "ada", "acme", "acme.example", false)
	if err != nil || !strings.HasPrefix(added.Challenge, "bookery-") || m.ChallengeRecord(added.Host) != "_bookery.acme.example" {
		t.Errorf("%+v, %v", added, err)
	}
	acme, err := m.Get(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := env.Store.Server(acme.Server)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Drop(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	findings, err := m.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
	if err != nil || len(findings) != 1 || !strings.Contains(findings[0].Remedy, "bookery doctor --repair") || strings.Contains(findings[0].Remedy, "tenantry") {
		t.Errorf("%+v, %v", findings, err)
	}
}
