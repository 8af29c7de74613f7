package handlers_test

import "testing"

// TestQueriesAreReadWhole: what can't be parsed, isn't known or is there twice
// is refused and named; nothing of a query is dropped.
func TestQueriesAreReadWhole(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for query, want := range map[string]string{
			"archived=true;limit=1":           "archived=true;limit=1",
			"archived=true%3Blimit=1":         "",
			"archived=%zz":                    "archived=%zz",
			"archived=true&%":                 "%",
			"ARCHIVED=true":                   "ARCHIVED",
			"archived[]=true":                 "archived[]",
			"=true":                           `\"\"`,
			"archived=true&archived=true":     "archived",
			"limit=1&archived=true&l%69mit=2": "limit",
			"limit=1&%ff=2":                   "unknown",
			"utm_source=mail":                 "Known are: archived, limit, after.",
		} {
			status := 400
			if want == "" {
				status = 422 // a value like others
			}
			scenario{method: "GET", path: "/api/projects?" + query, status: status, contains: []string{want}, lacks: []string{"Office"}}.run(t, a)
		}
		for _, query := range []string{"", "&", "archived=false&", "&&archived=false", "%61rchived=f%61lse"} {
			scenario{method: "GET", path: "/api/projects?" + query, status: 200, contains: []string{"Office"}}.run(t, a)
		}
		scenario{method: "GET", path: "/api/projects/1?expand=tasks", status: 400, contains: []string{"There are none here."}}.run(t, a)
		scenario{method: "DELETE", path: "/api/projects/1?dry_run=true", status: 400, contains: []string{"dry_run"}}.run(t, a)
		scenario{method: "GET", path: "/api/projects/1", status: 200}.run(t, a)
	})
}

// TestTextThatNoRowCanHold is nothing in a path, and a fault in a filter.
func TestTextThatNoRowCanHold(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for _, text := range []string{"%00", "a%00b", "%ff", "%ed%a0%80", "%c0%80", "%f4%90%80%80"} {
			for _, path := range []string{"/api/projects/", "/api/tasks/", "/api/users/", "/api/tokens/", "/api/comments/", "/api/sessions/"} {
				method := "DELETE"
				scenario{method: method, path: path + text, status: 404}.run(t, a)
			}
			for _, filter := range []string{"/api/projects?archived=", "/api/projects?after=", "/api/users?after=", "/api/tokens?user_id=", "/api/activity?limit="} {
				scenario{method: "GET", path: filter + text, status: 422}.run(t, a)
			}
		}
		for _, id := range []string{"0", "-9", "+1", "01", "1.0", "1e0", "0x1", "9223372036854775808", "99999999999999999999", "%31%20", "１"} {
			scenario{method: "GET", path: "/api/projects/" + id, status: 404}.run(t, a)
		}
		for _, id := range []string{"%2B1", "01", "1.0", "9223372036854775808", "%201"} {
			scenario{method: "GET", path: "/api/tokens?user_id=" + id, status: 422}.run(t, a)
		}
	})
}
