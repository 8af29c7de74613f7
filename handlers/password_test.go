package handlers_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		mine, other := a.signIn(t, "member@acme.test", password), a.signIn(t, "member@acme.test", password)
		var token struct{ Token string }
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci"}`, bearer(mine.Token)...), &token)
		change := func(name, old, next string, status int, contains ...string) scenario {
			return scenario{name: name, method: "POST", path: "/api/me/password", status: status, contains: contains, header: bearer(mine.Token),
				body: fmt.Sprintf(`{"current_password":%s,"new_password":%s}`, quoted(t, old), quoted(t, next))}
		}
		runAll(t, a, []scenario{
			change("wrong", otherPassword, otherPassword, 422, `{"field":"current_password","message":"is wrong"}`),
			change("short", password, "12345678901", 422, `{"field":"new_password","message":"must be at least 12 bytes long"}`),
			{method: "POST", path: "/api/me/password", body: `{}`, header: bearer(mine.Token), status: 422, contains: []string{`current_password`, `new_password`}},
			{name: "nobody", method: "POST", path: "/api/me/password", body: `{}`, header: []string{"Authorization", ""}, status: 401},
			{name: "cross-origin", method: "POST", path: "/api/me/password", body: `{}`, header: withCookie(mine.Token, "Sec-Fetch-Site", "same-site"), status: 403},
			change("changed", password, otherPassword, 204),
			{name: "this session goes on", method: "GET", path: "/api/me", header: bearer(mine.Token), status: 200},
			refused("another session", bearer(other.Token)...),
			refused("an API token", bearer(token.Token)...),
			{name: "others' go on", method: "GET", path: "/api/me", status: 200},
			{name: "old password", method: "POST", path: "/api/session", body: credentials(t, "member@acme.test", password), status: 401},
		})
		a.signIn(t, "member@acme.test", otherPassword)
	})
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		id, _ := a.invited(t, "Ida")
		link := func() string {
			var made struct{ URL string }
			decode(t, a.must(t, 201, "POST", fmt.Sprintf("/api/users/%d/invitation", id), ""), &made)
			return tokenOf(t, made.URL)
		}
		for _, bad := range []string{"", "12345678901", "äöüß", strings.Repeat("x", 1025), strings.Repeat("😀", 257), "lone \\ud800 surrogate"} {
			body := fmt.Sprintf(`{"token":%q,"password":%s}`, link(), strings.ReplaceAll(quoted(t, bad), `\\u`, `\u`))
			scenario{name: fmt.Sprintf("%.20q", bad), method: "POST", path: "/api/invitation", body: body, status: 422, contains: []string{`"field":"password"`}}.run(t, a)
		}
		for _, good := range []string{"123456789012", "            ", "äöüßäö", strings.Repeat("x", 1024), strings.Repeat("😀", 256), "nul \x00 in between"} {
			a.must(t, 201, "POST", "/api/invitation", acceptance(t, link(), good))
			a.signIn(t, "ida@acme.test", good)
			a.must(t, 401, "POST", "/api/session", credentials(t, "ida@acme.test", good[:len(good)-1]))
			a.must(t, 401, "POST", "/api/session", credentials(t, "ida@acme.test", good+"x"))
		}
	})
}

// TestTheQueueToHash has people wait for a turn that doesn't come in time: they
// are told to come back, and are not signed in.
func TestTheQueueToHash(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	slow := a.wired(t, a.newAccounts(auth.NewHasherWith(auth.Params{Memory: 64 << 10, Passes: 10, Lanes: 1}, 1), false))
	before := a.dump(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			request := httptest.NewRequestWithContext(ctx, "POST", "/api/session", strings.NewReader(credentials(t, fmt.Sprintf("u%d@acme.test", i), password)))
			request.Host = "acme.localhost"
			request.Header.Set("Content-Type", "application/json")
			reply := httptest.NewRecorder()
			slow.router.ServeHTTP(reply, request)
			checkProblem(t, "late", reply)
			if reply.Code != 503 && reply.Code != 401 { // the first may have been quick
				t.Errorf("status %d: %s", reply.Code, reply.Body)
			}
		})
	}
	all.Wait()
	if ctx.Err() == nil {
		t.Error("nobody had to wait")
	}
	if after := a.dump(t); !reflect.DeepEqual(before, after) {
		t.Errorf("stored %+v", after)
	}
}

// TestSignInLosesToANewPassword sets a password while the old one is being
// checked: the session that this would begin would outlive it.
func TestSignInLosesToANewPassword(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		slow := a.wired(t, a.newAccounts(auth.NewHasherWith(auth.Params{Memory: 64 << 10, Passes: 6, Lanes: 1}, 0), false))
		if err := slow.accounts.SetPassword(t.Context(), a.tenant, "ada@acme.test", password); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if got := slow.try(t, "ada@acme.test", password, "192.0.2.7"); got != 401 {
				t.Errorf("status %d", got)
			}
		})
		for a.countTries(t) == 0 { // until it is under way
			runtime.Gosched()
		}
		if err := a.accounts.SetPassword(t.Context(), a.tenant, "ada@acme.test", otherPassword); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if left := a.dump(t).Creds; len(left) != 2 {
			t.Errorf("%d credentials are left, of which 2 are others'", len(left))
		}
	})
}

// TestUnknownAccountsLookLikeWrongPasswords compares all of the replies.
func TestUnknownAccountsLookLikeWrongPasswords(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ida@acme.test","name":"Ida"}`) // has no password yet
		first := ""
		for _, email := range []string{"member@acme.test", "nobody@acme.test", "ida@acme.test"} {
			for i := range 7 {
				reply := a.send(t, "POST", "/api/session", credentials(t, email, otherPassword), "Authorization", "", "X-Forwarded-For", "2001:db8::1")
				got := fmt.Sprint(reply.Code, reply.Header(), reply.Body)
				if i == 0 && first == "" {
					first = got
				}
				if (got == first) != (i < 5) || (reply.Code == 429) != (i >= 5) {
					t.Errorf("try %d as %s: %s", i, email, got)
				}
			}
		}
	})
}

// TestUnknownAccountsCostAsMuch counts the hashes by the memory that each takes,
// beside which the rest of a sign-in is nothing. Time would tell the same, were
// the machine ours alone; for that reason it does not run beside other tests.
func TestUnknownAccountsCostAsMuch(t *testing.T) {
	const hash = 32 << 20
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	costly := a.wired(t, a.newAccounts(auth.NewHasherWith(auth.Params{Memory: hash >> 10, Passes: 1, Lanes: 1}, 0), false))
	if err := costly.accounts.SetPassword(t.Context(), a.tenant, "member@acme.test", otherPassword); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"member@acme.test", "nobody@acme.test"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		costly.must(t, 401, "POST", "/api/session", credentials(t, email, password))
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took < hash || took > 2*hash {
			t.Errorf("a wrong password for %s takes %d bytes, want those of one hash", email, took)
		}
	}
}

// TestOutdatedHashesAreReplaced signs in where hashes cost more than the stored one.
func TestOutdatedHashesAreReplaced(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		costlier := a.wired(t, a.newAccounts(auth.NewHasherWith(auth.Params{Memory: 16, Passes: 2, Lanes: 1}, 0), false))
		costlier.signIn(t, "member@acme.test", password)
		costlier.signIn(t, "member@acme.test", password)
		costlier.must(t, 401, "POST", "/api/session", credentials(t, "member@acme.test", otherPassword))
		users := a.dump(t).Users
		if hash := *users[0].PasswordHash; users[0].ID != memberID || !strings.HasPrefix(hash, "$argon2id$v=19$m=16,t=2,p=1$") {
			t.Errorf("the hash of user %d begins %.40q", users[0].ID, hash)
		}
		a.must(t, 200, "GET", "/api/me", "", bearer(a.member)...)
	})
}
