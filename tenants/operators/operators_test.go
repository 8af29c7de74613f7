package operators_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/operators"
	"tenantry/tenants/tenantstest"
)

// TestAccounts makes accounts, finds them by their tokens, and takes both away.
func TestAccounts(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		accounts, ctx := operators.New(env.Store.Master()), t.Context()
		token, err := accounts.Add(ctx, "ada@example.com", operators.Viewer, "root")
		if err != nil {
			t.Fatal(err)
		}
		who, err := accounts.Identify(ctx, token)
		if err != nil || who.Name != "ada@example.com" || who.Role != operators.Viewer || who.TokenID == "" {
			t.Fatalf("%+v, %v", who, err)
		}
		if _, err := accounts.Add(ctx, "ada@example.com", operators.Owner, "root"); !errors.Is(err, operators.ErrExists) {
			t.Errorf("added twice: %v", err)
		}
		if err := accounts.SetRole(ctx, "ada@example.com", operators.Owner, "eve"); err != nil {
			t.Error(err)
		}
		if who, err := accounts.Standing(ctx, who.TokenID); err != nil || who.Role != operators.Owner {
			t.Errorf("after the change %+v, %v", who, err)
		}
		other, id, err := accounts.NewToken(ctx, "ada@example.com", "eve")
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{"", "tnto_", token + "x", token[:len(token)-1], strings.ToUpper(token), strings.Repeat("x", 1<<16)} {
			if who, err := accounts.Identify(ctx, wrong); !errors.Is(err, operators.ErrNoToken) {
				t.Errorf("%.20q is of %+v, %v", wrong, who, err)
			}
		}
		if err := accounts.Revoke(ctx, "bob", id, "eve"); !errors.Is(err, operators.ErrUnknownToken) {
			t.Errorf("a token of another: %v", err)
		}
		if err := accounts.Revoke(ctx, "ada@example.com", id, "eve"); err != nil {
			t.Error(err)
		}
		if _, err := accounts.Identify(ctx, other); !errors.Is(err, operators.ErrNoToken) {
			t.Errorf("a revoked token: %v", err)
		}
		if all, err := accounts.List(ctx); err != nil || len(all) != 1 || len(all[0].Tokens) != 1 || all[0].Tokens[0].LastUsedAt == nil || all[0].Tokens[0].Digest != nil {
			t.Errorf("list: %+v, %v", all, err)
		}
		if err := accounts.Remove(ctx, "ada@example.com", "eve"); err != nil {
			t.Error(err)
		}
		if _, err := accounts.Standing(ctx, who.TokenID); !errors.Is(err, operators.ErrNoToken) {
			t.Errorf("a token of a removed account: %v", err)
		}
		for what, err := range map[string]error{
			"remove": accounts.Remove(ctx, "ada@example.com", "eve"), "change": accounts.SetRole(ctx, "ada@example.com", operators.Viewer, "eve"),
			"token": func() error { _, _, err := accounts.NewToken(ctx, "ada@example.com", "eve"); return err }(),
		} {
			if !errors.Is(err, operators.ErrUnknown) {
				t.Errorf("%s an account that isn't there: %v", what, err)
			}
		}
		wantLedger(t, env, fmt.Sprintf(`operator-add by root {"operator":"ada@example.com","role":"viewer"}
operator-role by eve {"operator":"ada@example.com","role":"owner"}
operator-token by eve {"operator":"ada@example.com","token":"%s"}
operator-revoke by eve {"operator":"ada@example.com","token":"%[1]s"}
operator-remove by eve {"operator":"ada@example.com"}
`, id))
	})
}

// wantLedger fails the test unless the ledger has these operations, and they are done, and on no tenant.
func wantLedger(t *testing.T, env *tenantstest.Env, want string) {
	t.Helper()
	var all []tenants.Operation
	err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error { return tx.Order("id").Find(&all).Error })
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, o := range all {
		fmt.Fprintf(&got, "%s by %s %s\n", o.Kind, o.By, o.Params)
		if o.TenantID != "" || o.Subdomain != "" || o.State != tenants.OperationDone || o.FinishedAt == nil {
			t.Errorf("%+v", o)
		}
	}
	if got.String() != want {
		t.Errorf("the ledger has:\n%swant:\n%s", &got, want)
	}
}

// TestTokensAreBounded on each account.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	accounts := operators.New(env.Store.Master())
	if _, err := accounts.Add(t.Context(), "ada", operators.Owner, "root"); err != nil {
		t.Fatal(err)
	}
	var err error
	made := 1
	for ; err == nil && made < 100; made++ {
		_, _, err = accounts.NewToken(t.Context(), "ada", "root")
	}
	if !errors.Is(err, operators.ErrTooMany) || made > 20 {
		t.Errorf("%d tokens, %v", made, err)
	}
}

// TestNames of accounts can't be mistaken for one another, or for the program's own.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"ada": true, "ada@example.com": true, "a": true, "7": true, "ada.b+c_d": true, strings.Repeat("a", 63): true,
		"": false, "Ada": false, " ada": false, "ada ": false, "a\nb": false, ".": false, "-ada": false, "ada-": false, "ädå": false,
		"system": false, "seed": false, "operator": false, strings.Repeat("a", 64): false, "a\x00b": false, "a/b": false,
	} {
		var invalid *operators.InvalidError
		if err := operators.CheckName(name); (err == nil) != valid || err != nil && !errors.As(err, &invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestRoles are in order, and what is no role allows nothing.
func TestRoles(t *testing.T) {
	t.Parallel()
	roles := append(operators.Roles(), "", "root")
	want := "100 110 111 000 000"
	var got []string
	for _, role := range roles {
		var row string
		for _, need := range operators.Roles() {
			row += map[bool]string{true: "1", false: "0"}[role.Allows(need)]
		}
		got = append(got, row)
	}
	if text := fmt.Sprint(strings.Join(got, " ")); text != want {
		t.Errorf("%s, want %s", text, want)
	}
}
