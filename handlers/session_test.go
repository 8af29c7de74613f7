package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// sessionReply answers who signs in.
type sessionReply struct {
	Token     string
	ExpiresAt time.Time `json:"expires_at"`
	User      struct {
		ID          int64
		Email, Role string
	}
}

// signIn signs in and returns the session's token.
func (a *api) signIn(t testing.TB, email, password string) sessionReply {
	t.Helper()
	var got sessionReply
	decode(t, a.must(t, 201, "POST", "/api/session", credentials(t, email, password), "Authorization", ""), &got)
	return got
}

// credentials is the body of a sign-in.
func credentials(t testing.TB, email, password string) string {
	return fmt.Sprintf(`{"email":%s,"password":%s}`, quoted(t, email), quoted(t, password))
}

// bearer is the header of a request with a token.
func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// withCookie is the header of a request with a session cookie and no token.
func withCookie(token string, more ...string) []string {
	return append([]string{"Authorization", "", "Cookie", "session=" + token}, more...)
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		got := a.signIn(t, "Member@Acme.test", password)
		if life := got.ExpiresAt.Sub(a.clock.now()); got.User.ID != memberID || got.User.Role != "member" || life < 13*24*time.Hour || life > 14*24*time.Hour {
			t.Errorf("signed in as %+v", got)
		}
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/me", header: bearer(got.Token), status: 200, contains: []string{`{"id":-2,"email":"member@acme.test","name":"Member","role":"member"}`}},
			{method: "GET", path: "/api/me", header: withCookie(got.Token), status: 200, contains: []string{`"id":-2`}},
			{method: "GET", path: "/api/projects", header: bearer(a.admin), status: 200},
			{method: "DELETE", path: "/api/session", header: bearer(got.Token), status: 204},
			refused("signed out", bearer(got.Token)...),
			refused("signed out, cookie", withCookie(got.Token)...),
			{name: "signed out twice", method: "DELETE", path: "/api/session", header: bearer(got.Token), status: 401},
			{name: "another session goes on", method: "GET", path: "/api/me", header: bearer(a.member), status: 200},
		})
	})
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for over, want := range map[string]string{"": "session", "yes": "__Host-session"} {
			reply := a.send(t, "POST", "/api/session", credentials(t, "member@acme.test", password), "X-Test-TLS", over)
			set := reply.Result().Cookies()
			if len(set) != 1 || set[0].Name != want {
				t.Fatalf("cookies %v", set)
			}
			c := set[0]
			if c.Domain != "" || c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != (over != "") || c.MaxAge != 14*24*3600 {
				t.Errorf("cookie %+v", c)
			}
			signedIn := []string{"Authorization", "", "X-Test-TLS", over, "Cookie", c.Name + "=" + c.Value}
			a.must(t, 200, "GET", "/api/me", "", signedIn...)
			out := a.send(t, "DELETE", "/api/session", "", signedIn...)
			if gone := out.Result().Cookies(); out.Code != 204 || len(gone) != 1 || gone[0].Name != want || gone[0].MaxAge >= 0 || gone[0].Value != "" {
				t.Errorf("status %d, cookies %v", out.Code, gone)
			}
		}
	})
}

func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		got := a.signIn(t, "member@acme.test", password)
		a.clock.pass(14*24*time.Hour - time.Second)
		a.must(t, 200, "GET", "/api/me", "", bearer(got.Token)...)
		a.clock.pass(time.Second)
		refused("expired", bearer(got.Token)...).run(t, a)
		a.clock.pass(time.Hour)
		refused("expired an hour ago", bearer(got.Token)...).run(t, a)
		a.signIn(t, "member@acme.test", password)
		if left := a.dump(t).Creds; len(left) != 1 {
			t.Errorf("%d credentials are left, of which 1 has not expired", len(left))
		}
	})
}

func TestSignInBodies(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		sign := func(body string, status int, contains ...string) scenario {
			return scenario{method: "POST", path: "/api/session", body: body, status: status, contains: contains,
				header: []string{"Authorization", "", "Content-Type", "application/json"}}
		}
		runAll(t, a, []scenario{
			sign(``, 400), sign(`{`, 400), sign(`[]`, 422),
			sign(`{}`, 422, `{"field":"email","message":"is required"},{"field":"password","message":"is required"}`),
			sign(`{"email":null,"password":7,"remember":true}`, 422, `"field":"email"`, `"field":"password"`, `"field":"remember"`),
			sign(`{"email":"a\u0000@b.c","password":"x"}`, 422, `"field":"email"`),
			sign(`{"email":"`+strings.Repeat("a", 64<<10)+`"}`, 413, "problem:body-too-large"),
			sign(credentials(t, "member@acme.test", ""), 401, "problem:wrong-password"),
			sign(credentials(t, "member@acme.test", strings.Repeat("x", 60_000)), 401, "problem:wrong-password"),
			{method: "POST", path: "/api/session", body: `{}`, header: []string{"Content-Type", "text/plain"}, status: 415},
		})
	})
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.update(t, func(tx *gorm.DB) error {
			rows := make([]models.Credential, 150)
			for i := range rows {
				_, digest := auth.Mint(a.tenant.ID, auth.KindSession)
				rows[i] = models.Credential{UserID: memberID, Kind: models.KindSession, Digest: digest, ExpiresAt: a.clock.now().Add(time.Hour)}
			}
			return tx.Create(&rows).Error
		})
		got := a.signIn(t, "member@acme.test", password)
		for range 2 {
			got = a.signIn(t, "member@acme.test", password)
		}
		var list listReply
		decode(t, a.must(t, 200, "GET", "/api/sessions?limit=200", "", bearer(got.Token)...), &list)
		if len(list.Items) != 100 {
			t.Errorf("%d sessions", len(list.Items))
		}
		a.must(t, 200, "GET", "/api/me", "") // the admin's
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		first, second := a.signIn(t, "member@acme.test", password), a.signIn(t, "member@acme.test", password)
		var list struct {
			Items []struct {
				ID      int64
				Current bool
			}
		}
		decode(t, a.must(t, 200, "GET", "/api/sessions", "", bearer(second.Token)...), &list)
		if n := len(list.Items); n != 3 || list.Items[0].Current || !list.Items[2].Current {
			t.Fatalf("sessions %+v", list)
		}
		ofFirst := fmt.Sprintf("/api/sessions/%d", list.Items[1].ID)
		runAll(t, a, []scenario{
			{name: "no token", method: "DELETE", path: strings.Replace(ofFirst, "sessions", "tokens", 1), status: 404},
			{method: "DELETE", path: ofFirst, header: bearer(second.Token), status: 204},
			{method: "DELETE", path: ofFirst, header: bearer(second.Token), status: 404},
			refused("revoked", bearer(first.Token)...),
			{method: "GET", path: "/api/sessions?user_id=-2", status: 200, contains: []string{`"user_id":-2`}, lacks: []string{`"user_id":-1`, "tnts_", "digest"}},
			{method: "GET", path: "/api/sessions?user_id=all", status: 200, contains: []string{`"user_id":-2`, `"user_id":-1`, `"current":true`}},
			{method: "GET", path: "/api/sessions?user_id=-1", header: bearer(a.member), status: 403, contains: []string{"problem:forbidden"}},
			{method: "GET", path: "/api/sessions?user_id=all", header: bearer(a.member), status: 403},
			{method: "GET", path: "/api/sessions?user_id=me", status: 422, contains: []string{`"field":"user_id"`}},
			{name: "another's", method: "DELETE", path: "/api/sessions/1", header: bearer(a.member), status: 404},
			{name: "another's, by an admin", method: "DELETE", path: fmt.Sprintf("/api/sessions/%d", list.Items[2].ID), status: 204},
			refused("revoked by an admin", bearer(second.Token)...),
		})
	})
}

// FuzzSignIn sends bodies of strangers: they are never let in and break nothing.
func FuzzSignIn(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"email":"member@acme.test","password":"x"}`, `{"email":"a\u0000@b.c","password":"\ud800"}`,
		`{"email":"member@acme.test","password":null}`, "{\"email\":\"\xff@b.c\",\"password\":\"\xff\"}", `{"email":["a"],"password":{}}`,
	} {
		f.Add(seed)
	}
	env := tenantstest.New(f, tenantstest.Options{Schema: models.Workspace()})
	a := newAPI(f, env.Store, env.Tenant(f, "acme"))
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/api/session", "/api/invitation"} {
			a.clock.pass(time.Minute)
			reply := a.send(t, "POST", path, body, "Content-Type", "application/json", "Authorization", "")
			if reply.Code < 400 || reply.Code >= 500 {
				t.Errorf("status %d: %s", reply.Code, reply.Body)
			}
			checkProblem(t, body, reply)
		}
	})
}
