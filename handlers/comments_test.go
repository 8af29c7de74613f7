package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
)

func TestComments(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order desks"}`)
		post := func(path, body string, status int, header []string, contains ...string) scenario {
			return scenario{method: "POST", path: path, body: body, status: status, header: header, contains: contains}
		}
		const path = "/api/tasks/1/comments"
		runAll(t, a, []scenario{
			{method: "GET", path: path, status: 200, contains: []string{`{"items":[],"next":null}`}},
			post(path, `{"body":"Oak,\nplease"}`, 201, bearer(a.member), `"id":1,"task_id":1,"author_id":-2,"author_name":"Member","body":"Oak,\nplease","created_at":"`),
			post(path, `{"body":"Fine."}`, 201, nil, `"id":2`, `"author_id":-1`),
			post("/api/tasks/2/comments", `{"body":"Elsewhere"}`, 201, nil, `"id":3,"task_id":2`),
			post(path, fmt.Sprintf(`{"body":%q}`, strings.Repeat("x", 10_000)), 201, nil),
			post(path, fmt.Sprintf(`{"body":%q}`, strings.Repeat("x", 10_001)), 422, nil, `"field":"body"`),
			post(path, `{"body":" \n"}`, 422, nil, `"field":"body","message":"must not be blank"`),
			post(path, `{"body":"\u0000"}`, 422, nil, `"field":"body"`),
			post(path, `{"author_id":-2}`, 422, nil, `"field":"body","message":"is required"`, `"field":"author_id","message":"is unknown"`),
			post("/api/tasks/9/comments", `{"body":"Lost"}`, 404, nil),
			{method: "GET", path: "/api/tasks/9/comments", status: 404},
			{method: "GET", path: path + "?limit=1", status: 200, contains: []string{"Oak"}, lacks: []string{"Fine.", "Elsewhere", `"next":null`}},
			{method: "GET", path: "/api/activity", status: 200, contains: []string{`"action":"task.commented","subject_id":1,"summary":"commented on task “Order chairs”"`}},

			{name: "of somebody else", method: "DELETE", path: "/api/comments/2", header: bearer(a.member), status: 403, contains: []string{"problem:forbidden"}},
			{name: "one's own", method: "DELETE", path: "/api/comments/1", header: bearer(a.member), status: 204},
			{method: "DELETE", path: "/api/comments/1", status: 404},
			post(path, `{"body":"Ash"}`, 201, bearer(a.member), `"id":5`),
			{name: "anybody's, as an admin", method: "DELETE", path: "/api/comments/5", status: 204},
		})
	})
}

// TestCommentsOutliveTheirAuthors, and go with their task.
func TestCommentsOutliveTheirAuthors(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		id, token := a.invited(t, "Ida")
		var ida sessionReply
		decode(t, a.must(t, 201, "POST", "/api/invitation", acceptance(t, token, otherPassword)), &ida)
		a.must(t, 201, "POST", "/api/tasks/1/comments", `{"body":"Oak"}`, bearer(ida.Token)...)
		a.must(t, 204, "DELETE", fmt.Sprintf("/api/users/%d", id), "")
		scenario{method: "GET", path: "/api/tasks/1/comments", status: 200, contains: []string{`"author_id":null,"author_name":null,"body":"Oak"`}}.run(t, a)
		a.must(t, 204, "DELETE", "/api/projects/1", "")
		if left := a.dump(t).Comments; len(left) != 0 {
			t.Errorf("comments %+v are left of a project that is gone", left)
		}
	})
}

func TestVersions(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		patch := func(name, body string, status int, contains ...string) scenario {
			return scenario{name: name, method: "PATCH", path: "/api/tasks/1", body: body, status: status, contains: contains}
		}
		runAll(t, a, []scenario{
			patch("nothing is changed", `{"title":"Order chairs"}`, 200, `"version":1`),
			patch("a change", `{"title":"Order desks","status":"doing"}`, 200, `"version":2`),
			patch("the place is no change of the task", `{"position":7}`, 200, `"position":7,"version":2`),
			patch("upon the one before", `{"title":"Order lamps","version":1}`, 409, "problem:conflict"),
			patch("upon one to come", `{"title":"Order lamps","version":3}`, 409, "problem:conflict"),
			patch("upon the stored one", `{"title":"Order lamps","version":2}`, 200, `"title":"Order lamps"`, `"version":3`),
			patch("no number", `{"version":"3"}`, 422, `"field":"version"`),
			patch("null", `{"version":null}`, 422, `"field":"version"`),
			{name: "a new task has none", method: "POST", path: "/api/projects/1/tasks", body: `{"title":"x","version":1}`, status: 422, contains: []string{`"field":"version"`}},
			{method: "GET", path: "/api/tasks/1", status: 200, contains: []string{`"version":3`}},
			{name: "versions are not told of", method: "GET", path: "/api/activity", status: 200, lacks: []string{"version"}},
		})
	})
}

func TestImportedTasksAreOfTheFirstVersion(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.must(t, 201, "POST", "/api/projects/1/tasks/import", "title\nOne\nTwo\n", "Content-Type", "text/csv")
		a.view(t, func(tx *gorm.DB) error {
			var first int64
			err := tx.Model(&models.Task{}).Where("version = 1").Count(&first).Error
			if first != 2 {
				t.Errorf("%d tasks are of version 1, want 2", first)
			}
			return err
		})
	})
}
