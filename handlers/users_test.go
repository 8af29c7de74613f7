package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/users", status: 200, contains: []string{`{"items":[{"id":-2,`, `{"id":-1,`, `],"next":null}`}},
			{method: "POST", path: "/api/users", body: `{"email":"Ada@example.com","name":"Ada","role":"admin"}`, status: 201,
				contains: []string{`{"id":1,"email":"Ada@example.com","name":"Ada","role":"admin","invitation":{"url":"https://acme.example.com/invitation?token=tnti_`, `"expires_at":"2`}},
			{method: "POST", path: "/api/users", body: `{"email":"bob@example.com","name":"Bob"}`, status: 201, contains: []string{`"id":2`, `"role":"member"`}},
			{method: "GET", path: "/api/users/1", status: 200, contains: []string{`"name":"Ada"`}, lacks: []string{"created_at", "updated_at"}},
			{method: "GET", path: "/api/users", status: 200, contains: []string{`"id":1`, `"id":2`, `"next":null`}},
			{method: "PATCH", path: "/api/users/2", body: `{"name":"Bob the Second"}`, status: 200, contains: []string{`"name":"Bob the Second"`, `"email":"bob@example.com"`}},
			{name: "own address in other case", method: "PATCH", path: "/api/users/1", body: `{"email":"ADA@example.com"}`, status: 200, contains: []string{`"ADA@example.com"`}},

			{name: "taken", method: "POST", path: "/api/users", body: `{"email":"ada@EXAMPLE.com","name":"Ada"}`, status: 409, contains: []string{"e-mail address", "problem:conflict"}},
			{name: "taken by change", method: "PATCH", path: "/api/users/2", body: `{"email":"ada@example.com"}`, status: 409, contains: []string{"e-mail address"}},
			{method: "GET", path: "/api/users/3", status: 404, contains: []string{"problem:not-found"}},
			{method: "PATCH", path: "/api/users/3", body: `{}`, status: 404},
			{method: "DELETE", path: "/api/users/3", status: 404},

			{method: "DELETE", path: "/api/users/2", status: 204, lacks: []string{"{"}},
			{method: "GET", path: "/api/users/2", status: 404},
			{method: "DELETE", path: "/api/users/2", status: 404},
		})
	})
}

func TestUsersRefuseBadValues(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada","role":"admin"}`)
		for _, email := range []string{
			"", "a", "@", "a@", "@b", "a b@c.d", " a@b.c", "a@b.c ", "Ada <a@b.c>", "<a@b.c>", "a@b.c (Ada)", "a@b.c,d@e.f",
			"ä@example.com", "ada@exämple.com", "\u212a@example.com", "a@b.c\x00", "a@b.c\nBcc: d@e.f", `"a b"@c.d`,
			strings.Repeat("a", 250) + "@b.cd",
		} {
			body := fmt.Sprintf(`{"email":%s}`, quoted(t, email))
			scenario{method: "PATCH", path: "/api/users/1", body: body, status: 422, contains: []string{`{"field":"email","message":"must be`}}.run(t, a)
		}
		runAll(t, a, []scenario{
			{method: "POST", path: "/api/users", body: `{}`, status: 422,
				contains: []string{`{"field":"email","message":"is required"},{"field":"name","message":"is required"}`}, lacks: []string{"role"}},
			{method: "POST", path: "/api/users", body: `{"email":"x","name":" ","role":"owner","nick":1}`, status: 422,
				contains: []string{`"field":"email"`, `"field":"name"`, `{"field":"role","message":"must be admin or member"}`, `{"field":"nick","message":"is unknown"}`}},
			{method: "PATCH", path: "/api/users/1", body: `{"email":null,"name":null,"role":null}`, status: 422,
				contains: []string{`{"field":"email","message":"must not be null"}`, `"field":"name"`, `"field":"role"`}},
			{method: "PATCH", path: "/api/users/1", body: `{"role":"Admin"}`, status: 422, contains: []string{`"field":"role"`}},
			{method: "PATCH", path: "/api/users/1", body: `{"id":7}`, status: 422, contains: []string{`{"field":"id","message":"is unknown"}`}},
		})
	})
}

func TestLongestEmailIsTaken(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		email := strings.Repeat("a", 64) + "@" + strings.Repeat("b", 254-65-4) + ".com"
		a.create(t, "/api/users", fmt.Sprintf(`{"email":%q,"name":%q}`, email, strings.Repeat("ü", 200)))
	})
}

func TestDeletingAUserUnassignsTheirTasks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs","assignee_id":1}`)
		a.must(t, 204, "DELETE", "/api/users/1", "")
		scenario{method: "GET", path: "/api/tasks/1", status: 200, contains: []string{`"assignee_id":null`}}.run(t, a)
	})
}
