package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/projects", status: 200, contains: []string{`{"items":[],"next":null}`}},
			{method: "POST", path: "/api/projects", body: `{"name":"Office"}`, status: 201,
				contains: []string{`{"id":1,"name":"Office","description":"","archived":false}`}},
			{method: "POST", path: "/api/projects", body: `{"name":"Garden","description":"Beds\n\tand paths","archived":true}`, status: 201,
				contains: []string{`"description":"Beds\n\tand paths","archived":true`}},
			{method: "GET", path: "/api/projects/1", status: 200, contains: []string{`"name":"Office"`}, lacks: []string{"created_at"}},
			{method: "GET", path: "/api/projects", status: 200, contains: []string{`"Office"`, `"Garden"`}},
			{method: "GET", path: "/api/projects?archived=true", status: 200, contains: []string{`"Garden"`}, lacks: []string{`"Office"`}},
			{method: "GET", path: "/api/projects?archived=false&colour=red", status: 400, contains: []string{"colour", "archived, limit, after"}},
			{method: "GET", path: "/api/projects?archived=maybe", status: 422, contains: []string{`"field":"archived"`}},
			{method: "PATCH", path: "/api/projects/1", body: `{"description":"Desks"}`, status: 200, contains: []string{`"name":"Office","description":"Desks","archived":false`}},
			{method: "PATCH", path: "/api/projects/1", body: `{"description":""}`, status: 200, contains: []string{`"description":""`}},

			{method: "POST", path: "/api/projects", body: `{"name":"Office"}`, status: 409, contains: []string{"name already"}},
			{method: "PATCH", path: "/api/projects/2", body: `{"name":"Office"}`, status: 409, contains: []string{"name already"}},
			{method: "GET", path: "/api/projects/3", status: 404},
			{method: "PATCH", path: "/api/projects/3", body: `{"name":"x"}`, status: 404},
			{method: "DELETE", path: "/api/projects/3", status: 404},

			{method: "POST", path: "/api/projects", body: `{}`, status: 422, contains: []string{`{"field":"name","message":"is required"}`}},
			{method: "POST", path: "/api/projects", body: `{"name":"x","archived":"yes","description":7}`, status: 422,
				contains: []string{`{"field":"archived","message":"must be true or false"}`, `{"field":"description","message":"must be a string"}`}},
			{method: "PATCH", path: "/api/projects/1", body: `{"archived":null}`, status: 422, contains: []string{`"field":"archived"`}},
		})
	})
}

func TestProjectTexts(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", fmt.Sprintf(`{"name":%q,"description":%q}`, strings.Repeat("ü", 200), strings.Repeat("😀", 10_000)))
		name := func(json string) string { return `{"name":` + json + `}` }
		runAll(t, a, []scenario{
			{name: "too long", method: "PATCH", path: "/api/projects/1", body: name(`"` + strings.Repeat("ü", 201) + `"`), status: 422, contains: []string{"at most 200 characters"}},
			{name: "blank", method: "PATCH", path: "/api/projects/1", body: name(`" \t\n "`), status: 422, contains: []string{"must not be blank"}},
			{name: "empty", method: "PATCH", path: "/api/projects/1", body: name(`""`), status: 422, contains: []string{"must not be blank"}},
			{name: "line break", method: "PATCH", path: "/api/projects/1", body: name(`"a\nb"`), status: 422, contains: []string{"control characters"}},
			{name: "NUL", method: "PATCH", path: "/api/projects/1", body: name(`"a\u0000b"`), status: 422, contains: []string{"control characters"}},
			{name: "C1 control", method: "PATCH", path: "/api/projects/1", body: name(`"a\u0085b"`), status: 422, contains: []string{"control characters"}},
			{name: "invalid UTF-8", method: "PATCH", path: "/api/projects/1", body: name("\"a\xffb\""), status: 422, contains: []string{"valid Unicode"}},
			{name: "lone surrogate", method: "PATCH", path: "/api/projects/1", body: name(`"a\ud800b"`), status: 422, contains: []string{"valid Unicode"}},
			{name: "NUL in description", method: "PATCH", path: "/api/projects/1", body: `{"description":"\u0000"}`, status: 422, contains: []string{`"field":"description"`}},
			{name: "long description", method: "PATCH", path: "/api/projects/1", body: `{"description":"` + strings.Repeat("x", 10_001) + `"}`, status: 422, contains: []string{"10000"}},
			{name: "markup is data", method: "PATCH", path: "/api/projects/1", body: name(`"<b>&'\";--"`), status: 200, contains: []string{`\u003cb\u003e`}},
		})
	})
}

func TestArchivedProjectsTakeNoNewTasks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		a.must(t, 200, "PATCH", "/api/projects/1", `{"archived":true}`)
		runAll(t, a, []scenario{
			{method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Order desks"}`, status: 409, contains: []string{"archived"}},
			{method: "POST", path: "/api/projects/1/tasks/import", body: "title\nOrder desks\n", header: []string{"Content-Type", "text/csv"}, status: 409, contains: []string{"archived"}},
			{method: "PATCH", path: "/api/tasks/1", body: `{"status":"done"}`, status: 200},
			{method: "GET", path: "/api/projects/1/tasks", status: 200, contains: []string{"Order chairs"}},
		})
		a.must(t, 200, "PATCH", "/api/projects/1", `{"archived":false}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order desks"}`)
	})
}

func TestDeletingAProjectDeletesItsTasks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for i, name := range []string{"Office", "Garden"} {
			a.create(t, "/api/projects", fmt.Sprintf(`{"name":%q}`, name))
			a.create(t, fmt.Sprintf("/api/projects/%d/tasks", i+1), `{"title":"Measure"}`)
		}
		a.must(t, 204, "DELETE", "/api/projects/1", "")
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/projects/1", status: 404},
			{method: "GET", path: "/api/projects/1/tasks", status: 404},
			{method: "GET", path: "/api/tasks/1", status: 404},
			{method: "GET", path: "/api/tasks/2", status: 200},
		})
	})
}
