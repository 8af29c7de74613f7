package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestGivingAccessAsksForThePassword: neither a stolen session nor a
// stolen API token becomes access that lasts.
func TestGivingAccessAsksForThePassword(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		var token struct{ Token string }
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci"}`), &token)
		for _, s := range []scenario{
			{method: "POST", path: "/api/tokens", body: `{"name":"more",%s}`, status: 201},
			{method: "POST", path: "/api/users", body: `{"email":"eve@example.com","name":"Eve",%s}`, status: 201},
			{method: "POST", path: "/api/users/1/invitation", body: `{%s}`, status: 201},
			{method: "PATCH", path: "/api/users/1", body: `{"role":"admin",%s}`, status: 200},
			{method: "PATCH", path: "/api/users/1", body: `{"email":"eva@example.com","name":"Eva",%s}`, status: 200},
		} {
			for confirmation, want := range map[string]string{
				`"password":""`:                      `"message":"is required`,
				`"password":7`:                       `"message":"is required`,
				`"password":null`:                    `"message":"is required`,
				`"password":"` + otherPassword + `"`: `{"field":"password","message":"is wrong"}`,
			} {
				refused := s
				refused.body, refused.status, refused.contains = fmt.Sprintf(s.body, confirmation), 422, []string{`"field":"password"`, want}
				refused.run(t, a)
			}
			s.body = fmt.Sprintf(s.body, `"password":"`+password+`"`)
			byToken := s
			byToken.header, byToken.status, byToken.contains = bearer(token.Token), 403, []string{"in a session"}
			byToken.run(t, a)
			s.run(t, a)
		}
	})
}

// TestTokensChangeNoCredentials but may do what else their user may, and end
// themselves.
func TestTokensChangeNoCredentials(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		var token, other struct {
			ID    int64
			Token string
		}
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci"}`), &token)
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"other"}`), &other)
		sessions := a.must(t, 200, "GET", "/api/sessions?user_id=all", "", bearer(token.Token)...)
		session := strings.TrimPrefix(strings.Split(sessions, ",")[0], `{"items":[{"id":`)
		for _, s := range []scenario{
			{method: "POST", path: "/api/me/password", body: fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, password, otherPassword)},
			{method: "POST", path: "/api/me/password", body: `{}`},
			{method: "POST", path: "/api/users/1/invitation", body: " "},
			{method: "DELETE", path: "/api/users/1"},
			{method: "DELETE", path: "/api/sessions/" + session},
			{method: "DELETE", path: fmt.Sprintf("/api/tokens/%d", other.ID)},
		} {
			s.status, s.header, s.contains = 403, bearer(token.Token), []string{"problem:forbidden", "in a session"}
			s.run(t, a)
		}
		runAll(t, a, []scenario{
			{method: "PATCH", path: "/api/users/1", body: `{"name":"Ada L."}`, header: bearer(token.Token), status: 200},
			{method: "POST", path: "/api/projects", body: `{"name":"Office"}`, header: bearer(token.Token), status: 201},
			{method: "DELETE", path: fmt.Sprintf("/api/tokens/%d", token.ID), header: bearer(token.Token), status: 204},
			refused("ended", bearer(token.Token)...),
		})
	})
}

// TestWrongConfirmationsAreCounted as wrong passwords at sign-in are, and right
// ones are not.
func TestWrongConfirmationsAreCounted(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for i := range 7 {
			a.must(t, 201, "POST", "/api/tokens", fmt.Sprintf(`{"name":"t%d"}`, i))
			a.must(t, 422, "POST", "/api/tokens", `{"name":" "}`)
		}
		body := fmt.Sprintf(`{"name":"x","password":%q}`, otherPassword)
		for range 5 {
			a.must(t, 422, "POST", "/api/tokens", body)
		}
		a.must(t, 429, "POST", "/api/tokens", `{"name":"x"}`)
		a.must(t, 429, "POST", "/api/session", credentials(t, "admin@acme.test", password), "Authorization", "")
		a.must(t, 201, "POST", "/api/projects", `{"name":"Office"}`)
	})
}
