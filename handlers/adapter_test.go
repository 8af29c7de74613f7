package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestIDsThatAreNone(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		for _, id := range []string{
			"abc", "0", "-1", "+1", "01", "1.5", "1e0", "0x1", "%201", "1%20", "99999999999999999999", "9223372036854775807",
			"%00", "1%00", "%C3%A9", "%FF", "1;2", "1'", "%D9%A1", "null", "2",
		} {
			for _, resource := range []string{"users", "projects", "tasks"} {
				path := fmt.Sprintf("/api/%s/%s", resource, id)
				runAll(t, a, []scenario{
					{method: "GET", path: path, status: 404, contains: []string{"problem:not-found"}},
					{method: "PATCH", path: path, body: `{}`, status: 404},
					{method: "DELETE", path: path, status: 404},
				})
			}
			tasks := "/api/projects/" + id + "/tasks"
			runAll(t, a, []scenario{
				{method: "GET", path: tasks, status: 404},
				{method: "POST", path: tasks, body: `{"title":"x"}`, status: 404},
				{method: "POST", path: tasks + "/import", body: "title\nx\n", header: []string{"Content-Type", "text/csv"}, status: 404},
			})
		}
	})
}

func TestWhatIsCreatedHasAPlace(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for _, made := range []struct{ path, body, location string }{
			{"/api/users", `{"email":"ada@example.com","name":"Ada"}`, "/api/users/1"},
			{"/api/projects", `{"name":"Office"}`, "/api/projects/1"},
			{"/api/projects/1/tasks", `{"title":"Order chairs"}`, "/api/tasks/1"},
		} {
			reply := a.send(t, "POST", made.path, made.body)
			if got := reply.Header().Get("Location"); reply.Code != 201 || got != made.location {
				t.Errorf("%s: status %d, location %q", made.path, reply.Code, got)
			}
			got := strings.TrimSuffix(a.must(t, 200, "GET", made.location, ""), "}")
			if !strings.HasPrefix(reply.Body.String(), got) { // an invitation is shown once
				t.Errorf("%s: made %s, got %s", made.path, reply.Body, got)
			}
		}
	})
}
