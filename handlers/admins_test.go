package handlers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tenantry/handlers/auth"
	"tenantry/models"
)

func TestOperatorsPasswordsAndInvitations(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		if err := a.accounts.SetPassword(t.Context(), a.tenant, "ada@acme.test", otherPassword); err != nil {
			t.Fatal(err)
		}
		if got := a.signIn(t, "ada@acme.test", otherPassword); got.User.Role != "admin" || got.User.ID != 1 {
			t.Errorf("signed in as %+v", got)
		}
		var short *auth.PasswordError
		if err := a.accounts.SetPassword(t.Context(), a.tenant, "bob@acme.test", "short"); !errors.As(err, &short) {
			t.Errorf("short password: %v", err)
		}
		for _, bad := range []string{"", "Bob <bob@acme.test>", "bob"} {
			if err := a.accounts.SetPassword(t.Context(), a.tenant, bad, otherPassword); err == nil {
				t.Errorf("%q is taken for an address", bad)
			}
		}
		a.seedUser(t, models.User{Email: "max@acme.test", Name: "Max", Role: models.RoleMember})
		if err := a.accounts.SetPassword(t.Context(), a.tenant, "MEMBER@acme.test", otherPassword); err != nil {
			t.Fatal(err)
		}
		refused("sessions from before", bearer(a.member)...).run(t, a)
		if got := a.signIn(t, "member@acme.test", otherPassword); got.User.Role != "admin" {
			t.Errorf("signed in as %+v", got)
		}
		for _, email := range []string{"max@acme.test", "member@acme.test", "eve@acme.test"} {
			link, expires, err := a.accounts.InviteAdmin(t.Context(), a.tenant, email)
			if err != nil || !strings.HasPrefix(link, "https://acme.example.com/invitation?token=tnti_") || expires.Sub(a.clock.now()) < 6*24*time.Hour {
				t.Fatalf("invited to %.40q until %v, %v", link, expires, err)
			}
			accept(t, email, tokenOf(t, link), 201, `"role":"admin"`, email).run(t, a)
		}
	})
}
