package handlers_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
)

func TestTasks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects", `{"name":"Garden"}`)
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/projects/1/tasks", status: 200, contains: []string{`{"items":[],"next":null}`}},
			{method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Order chairs"}`, status: 201,
				contains: []string{`{"id":1,"project_id":1,"title":"Order chairs","status":"todo","assignee_id":null,"due_on":null,"position":1024,"version":1}`}},
			{method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Order desks","status":"doing","assignee_id":1,"due_on":"2026-02-28","position":-5}`, status: 201,
				contains: []string{`{"id":2,"project_id":1,"title":"Order desks","status":"doing","assignee_id":1,"due_on":"2026-02-28","position":-5,"version":1}`}},
			{name: "position 0 is one", method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Measure","position":0}`, status: 201, contains: []string{`"id":3`, `"position":0,`}},
			{name: "the last of its project", method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Pay"}`, status: 201, contains: []string{`"id":4`, `"position":2048`}},
			{name: "the first of another", method: "POST", path: "/api/projects/2/tasks", body: `{"title":"Mow"}`, status: 201, contains: []string{`"id":5`, `"position":1024`}},

			{name: "nulls are absent ones", method: "POST", path: "/api/projects/2/tasks", body: `{"title":"Rake","assignee_id": null ,"due_on":null}`, status: 201, contains: []string{`"assignee_id":null,"due_on":null`}},
			{method: "PATCH", path: "/api/tasks/2", body: `{"title":"Order big desks"}`, status: 200, contains: []string{`"title":"Order big desks","status":"doing","assignee_id":1,"due_on":"2026-02-28","position":-5`}},
			{method: "PATCH", path: "/api/tasks/2", body: `{"assignee_id":null,"due_on":null}`, status: 200, contains: []string{`"assignee_id":null,"due_on":null`}},
			{method: "PATCH", path: "/api/tasks/2", body: `{"assignee_id":1,"due_on":"9999-12-31","status":"done","position":7}`, status: 200,
				contains: []string{`"status":"done","assignee_id":1,"due_on":"9999-12-31","position":7`}},
			{method: "GET", path: "/api/tasks/2", status: 200, contains: []string{`"title":"Order big desks","status":"done","assignee_id":1,"due_on":"9999-12-31","position":7`}},
			{method: "DELETE", path: "/api/tasks/4", status: 204},
			{method: "DELETE", path: "/api/tasks/4", status: 404},
			{method: "PATCH", path: "/api/tasks/4", body: `{}`, status: 404},
			{method: "POST", path: "/api/projects/9/tasks", body: `{"title":"Lost"}`, status: 404},
			{method: "GET", path: "/api/projects/9/tasks", status: 404},
		})
	})
}

func TestTasksRefuseBadValues(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		for _, bad := range []struct{ field, value string }{
			{"title", `null`}, {"title", `""`}, {"title", `7`}, {"title", `["a"]`},
			{"status", `null`}, {"status", `"blocked"`}, {"status", `""`}, {"status", `1`},
			{"assignee_id", `0`}, {"assignee_id", `-9`}, {"assignee_id", `99`}, {"assignee_id", `"1"`}, {"assignee_id", `1.5`},
			{"assignee_id", `9223372036854775807`}, {"assignee_id", `9223372036854775808`},
			{"due_on", `""`}, {"due_on", `"2026-02-30"`}, {"due_on", `"0000-01-01"`}, {"due_on", `"0001-01-01"`}, {"due_on", `"10000-01-01"`},
			{"due_on", `"2026-2-3"`}, {"due_on", `"2026-02-03T00:00:00Z"`}, {"due_on", `20260203`}, {"due_on", `{}`},
			{"position", `null`}, {"position", `"1"`}, {"position", `1.5`}, {"position", `1e3`}, {"position", `9223372036854775808`},
			{"project_id", `1`}, {"Title", `"x"`},
		} {
			body := fmt.Sprintf(`{%q:%s}`, bad.field, bad.value)
			scenario{method: "PATCH", path: "/api/tasks/1", body: body, status: 422, contains: []string{fmt.Sprintf(`"errors":[{"field":%q,"message":"`, bad.field)}}.run(t, a)
		}
		scenario{name: "all at once", method: "POST", path: "/api/projects/1/tasks", status: 422,
			body: `{"status":"x","assignee_id":9,"due_on":"x","position":"x","done":true}`, contains: []string{
				`{"field":"title","message":"is required"}`, `{"field":"status","message":"must be todo, doing or done"}`, `"field":"assignee_id"`,
				`"field":"due_on"`, `"field":"position"`, `"field":"done"`,
			}}.run(t, a)
	})
}

func TestTaskFilters(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"A"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"B","status":"done"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"C","status":"done","assignee_id":1}`)
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/projects/1/tasks?status=done", status: 200, contains: []string{`"B"`, `"C"`}, lacks: []string{`"A"`}},
			{method: "GET", path: "/api/projects/1/tasks?assignee_id=1", status: 200, contains: []string{`"C"`}, lacks: []string{`"A"`, `"B"`}},
			{method: "GET", path: "/api/projects/1/tasks?assignee_id=1&status=todo", status: 200, contains: []string{`"items":[]`}},
			{method: "GET", path: "/api/projects/1/tasks?assignee_id=77", status: 200, contains: []string{`"items":[]`}},
			{method: "GET", path: "/api/projects/1/tasks?tenant=globex&order=title", status: 400, contains: []string{`\"tenant\"`, "status, assignee_id, limit, after"}, lacks: []string{`"A"`}},
			{method: "GET", path: "/api/projects/1/tasks?status=done;assignee_id=1", status: 400, lacks: []string{`"A"`}},
			{method: "GET", path: "/api/projects/1/tasks?status=open&assignee_id=me&limit=0&after=x", status: 422,
				contains: []string{`"field":"status"`, `"field":"assignee_id"`, `"field":"limit"`, `"field":"after"`}},
			{method: "GET", path: "/api/projects/1/tasks?status=%00", status: 422, contains: []string{`"field":"status"`}},
			{method: "GET", path: "/api/projects/1/tasks?status=", status: 422, contains: []string{`"field":"status"`}},
		})
	})
}

func TestPositionsEndWithTheNumbers(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"Far","position":%d}`, math.MaxInt64-1))
		a.create(t, "/api/projects/1/tasks", `{"title":"Farther"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Farthest"}`)
		scenario{method: "GET", path: "/api/projects/1/tasks?limit=2", status: 200, contains: []string{`"Far"`, `"Farther"`}, lacks: []string{`"Farthest"`}}.run(t, a)
	})
}

// TestNewTasksGetPositionsOfTheirOwn makes tasks at the same time.
func TestNewTasksGetPositionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if reply := a.send(t, "POST", "/api/projects/1/tasks", `{"title":"Order chairs"}`); reply.Code != 201 {
					t.Errorf("status %d: %s", reply.Code, reply.Body)
				}
			})
		}
		all.Wait()
		seen := map[int64]bool{}
		for _, task := range a.dump(t).Tasks {
			seen[task.Position] = true
		}
		if len(seen) != 8 || !seen[1024] || !seen[8*1024] {
			t.Errorf("8 tasks have the positions %v", seen)
		}
	})
}

// TestChangesOfOneTaskDoNotUndoEachOther changes two members at the same time.
func TestChangesOfOneTaskDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		var all sync.WaitGroup
		for _, change := range []string{`{"title":"Order desks"}`, `{"status":"done"}`, `{"due_on":"2026-02-28"}`, `{"position":3}`} {
			all.Go(func() {
				if reply := a.send(t, "PATCH", "/api/tasks/1", change); reply.Code != 200 {
					t.Errorf("status %d: %s", reply.Code, reply.Body)
				}
			})
		}
		all.Wait()
		scenario{method: "GET", path: "/api/tasks/1", status: 200,
			contains: []string{`"title":"Order desks","status":"done","assignee_id":null,"due_on":"2026-02-28","position":3`}}.run(t, a)
	})
}
