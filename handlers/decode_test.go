package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for name, test := range map[string]struct {
			body   string
			status int
		}{
			"empty":                {"", 400},
			"blank":                {" \n", 400},
			"open":                 {`{"name":"x"`, 400},
			"trailing object":      {`{"name":"x"}{}`, 400},
			"trailing text":        {`{"name":"x"} x`, 400},
			"trailing comma":       {`{"name":"x",}`, 400},
			"single quotes":        {`{'name':'x'}`, 400},
			"comment":              {`{/**/"name":"x"}`, 400},
			"BOM":                  {"\ufeff{}", 400},
			"NaN":                  {`{"position":NaN}`, 400},
			"raw line break":       {"{\"name\":\"a\nb\"}", 400},
			"deep":                 {strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), 400},
			"array":                {`[]`, 422},
			"null":                 {`null`, 422},
			"text":                 {`"name"`, 422},
			"number":               {`1`, 422},
			"array of an object":   {`[{"name":"x"}]`, 422},
			"deep value":           {`{"name":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, 422},
			"unknown with NUL":     {"{\"a\\u0000\":1}", 422},
			"unknown not in UTF-8": {"{\"a\xff\":1}", 422},
		} {
			for _, target := range []struct{ method, path string }{{"POST", "/api/projects"}, {"PATCH", "/api/projects/1"}, {"POST", "/api/projects/1/tasks"}} {
				scenario{
					name: name + " " + target.path, method: target.method, path: target.path, body: test.body, status: test.status,
					header: []string{"Content-Type", "application/json"},
				}.run(t, a)
			}
		}
		for _, body := range []string{`{"name":"x","name":"y"}`, `{"name":"x","n\u0061me":"y"}`, `{"name":null,"description":"","name":"y"}`} {
			scenario{method: "PATCH", path: "/api/projects/1", body: body, status: 422, contains: []string{`{"field":"name","message":"is there twice"}`}}.run(t, a)
		}
		for _, name := range []string{"NAME", "Name", "nam\u212a", "name ", `description\u0000`} {
			scenario{method: "PATCH", path: "/api/projects/1", body: `{"` + name + `":"y"}`, status: 422, contains: []string{`is unknown`}}.run(t, a)
		}
	})
}

func TestUnknownFieldsAreNamed(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		long := strings.Repeat("ü", 65)
		scenario{
			method: "POST", path: "/api/projects", body: fmt.Sprintf(`{"name":"x","owner":1,"Name":"x",%q:1}`, long), status: 422,
			contains: []string{`[{"field":"Name","message":"is unknown"},{"field":"owner","message":"is unknown"},{"field":"` + long[:128] + `…"`},
		}.run(t, a)

		var many strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&many, `,"x%d":0`, i)
		}
		var p web.Problem
		decode(t, a.must(t, 422, "POST", "/api/projects", `{"name":"x"`+many.String()+`}`), &p)
		if len(p.Errors) != 20 {
			t.Errorf("%d faults are named", len(p.Errors))
		}
	})
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		post := func(body string, status int, header ...string) scenario {
			return scenario{name: strings.Join(header, ": "), method: "PATCH", path: "/api/projects/1", body: body, header: header, status: status}
		}
		for _, accepted := range []string{"application/json", "Application/JSON", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "application/merge-patch+json"} {
			post(`{}`, 200, "Content-Type", accepted).run(t, a)
		}
		for _, refused := range []string{
			"", "text/plain", "text/json", "application/jsonp", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/csv",
			"application/json; charset=latin1", "application/json; charset=utf-16", "json", "application/json;;=", "application/json, text/plain", "image/svg+json",
		} {
			s := post(`{}`, 415, "Content-Type", refused)
			s.contains = []string{"problem:unsupported-media-type"}
			s.run(t, a)
		}
		post(`{}`, 415, "Content-Encoding", "gzip").run(t, a)
		post(`{}`, 200, "Content-Encoding", "identity").run(t, a)
		for _, refused := range []string{"", "application/json", "text/plain", "text/csv; charset=latin1", "application/vnd.ms-excel"} {
			s := importCSV(refused, "title\nx\n", 415, "problem:unsupported-media-type")
			s.header = []string{"Content-Type", refused}
			s.run(t, a)
		}
	})
}

func TestBodiesOverTheLimit(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		scenario{name: "large", method: "POST", path: "/api/projects", body: `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413,
			contains: []string{"problem:body-too-large"}}.run(t, a)
	})
}

// FuzzTasks sends bodies to a tenant: no panic, no 5xx, and what is stored can
// be read again.
func FuzzTasks(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"title":"x"}`, `{"title":"\u0000"}`, "{\"title\":\"\xff\"}", `{"title":"\ud800"}`, `{"title":null,"status":1}`,
		`{"title":"x","assignee_id":0}`, `{"title":"x","assignee_id":-9223372036854775808}`, `{"title":"x","due_on":"0001-01-02"}`,
		`{"title":"x","due_on":"9999-12-31","position":9223372036854775807}`, `{"title":"x","position":-1e400}`, `[[[[`,
	} {
		f.Add(seed)
	}
	env := tenantstest.New(f, tenantstest.Options{Schema: models.Workspace()})
	a := newAPI(f, env.Store, env.Tenant(f, "acme"))
	a.create(f, "/api/projects", `{"name":"Office"}`)
	a.create(f, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
	f.Fuzz(func(t *testing.T, body string) {
		made := a.send(t, "POST", "/api/projects/1/tasks", body, "Content-Type", "application/json")
		switch made.Code {
		case 201:
			if got := a.must(t, 200, "GET", made.Header().Get("Location"), ""); got != made.Body.String() {
				t.Errorf("made %s, got %s", made.Body, got)
			}
		case 400, 422:
			checkProblem(t, body, made)
		default:
			t.Errorf("status %d: %s", made.Code, made.Body)
		}
		if changed := a.send(t, "PATCH", "/api/tasks/1", body, "Content-Type", "application/json"); changed.Code != 200 && changed.Code != 400 && changed.Code != 422 {
			t.Errorf("status %d: %s", changed.Code, changed.Body)
		}
	})
}
