package onboard_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

var errRefused = errors.New("refused")

// people makes admins who are people of the notes' application.
type people struct {
	store *tenants.Store
	fail  bool // after the person was made
	seen  []string
	id    string // of the last tenant
}

func (p *people) CheckEmail(email string) error {
	if !strings.Contains(email, "@") {
		return errRefused
	}
	return nil
}

func (p *people) InviteAdmin(ctx context.Context, t *tenants.Tenant, email string) (string, time.Time, error) {
	err := p.make(ctx, t, email)
	return "http://" + t.Subdomain + "/invitation", time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), err
}

func (p *people) SetPassword(ctx context.Context, t *tenants.Tenant, email, _ string) error {
	return p.make(ctx, t, email)
}

func (p *people) make(ctx context.Context, t *tenants.Tenant, email string) error {
	_, err := p.store.Lookup(ctx, t.Subdomain)
	p.id, p.seen = t.ID, append(p.seen, string(t.State), errorText(err))
	err = p.store.Maintain(ctx, t, func(tx *gorm.DB) error {
		return tx.Where("email = ?", email).FirstOrCreate(&notes.Person{Email: email, Name: "Ada"}).Error
	})
	if err == nil && p.fail {
		err = errRefused
	}
	return err
}

func errorText(err error) string {
	if err == nil {
		return "served"
	}
	return "not served"
}

// TestCreate has the admin in the tenant before anybody is served.
func TestCreate(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: notes.Schema()})
		p := &people{store: env.Store}
		s := onboard.New(env.Lifecycle, p)
		for _, admin := range []onboard.Admin{{Email: "ada@example.com"}, {Email: "ada@example.com", Password: "a long password"}} {
			p.seen = nil
			subdomain := map[bool]string{true: "invited", false: "known"}[admin.Password == ""]
			made, invitation, err := s.Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain, By: "mara"}, admin)
			if err != nil || made.State != tenants.StateActive || (invitation != nil) != (admin.Password == "") {
				t.Fatalf("%+v, %+v, %v", made, invitation, err)
			}
			if got := strings.Join(p.seen, ", "); got != "provisioning, not served" {
				t.Errorf("the admin was let in while the tenant was %s", got)
			}
			var found notes.Person
			if err := env.Store.View(t.Context(), made, func(tx *gorm.DB) error { return tx.Take(&found).Error }); err != nil || found.Email != admin.Email {
				t.Errorf("%+v, %v", found, err)
			}
			story, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: made.ID}, "", 10)
			if err != nil || len(story) != 1 || strings.Contains(story[0].Params, "password") || !strings.Contains(story[0].Params, admin.Email) {
				t.Errorf("%+v, %v", story, err)
			}
		}
	})
}

// TestCreateWithoutItsAdmin leaves nothing: no tenant, no database, and the
// subdomain is free.
func TestCreateWithoutItsAdmin(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: notes.Schema()})
		p := &people{store: env.Store, fail: true}
		s := onboard.New(env.Lifecycle, p)
		ada := onboard.Admin{Email: "ada@example.com"}
		_, _, err := s.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}, ada)
		if !errors.Is(err, lifecycle.ErrAdminNotAdded) || !errors.Is(err, errRefused) {
			t.Errorf("%v", err)
		}
		if _, err := env.Lifecycle.Get(t.Context(), "acme"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("the tenant: %v", err)
		}
		findings, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings { // others' tests have databases on the same server
			if strings.Contains(f.Subject+f.Detail, p.id) {
				t.Errorf("left over: %+v", f)
			}
		}
		if _, _, err := s.Create(t.Context(), lifecycle.NewTenant{Subdomain: "globex"}, onboard.Admin{Email: "nobody"}); !errors.Is(err, errRefused) {
			t.Errorf("a bad address: %v", err)
		}
		p.fail = false
		if _, _, err := s.Create(t.Context(), lifecycle.NewTenant{Subdomain: "acme"}, ada); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}
