package handlers_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// columnOf is the ids of a project's tasks with the status, in order.
func (a *api) columnOf(t *testing.T, status string) []int64 {
	t.Helper()
	var page listReply
	decode(t, a.must(t, 200, "GET", "/api/projects/1/tasks?limit=200&status="+status, ""), &page)
	var ids []int64
	for _, item := range page.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects", `{"name":"Garden"}`)
		for range 4 {
			a.create(t, "/api/projects/1/tasks", `{"title":"x"}`)
		}
		a.create(t, "/api/projects/2/tasks", `{"title":"elsewhere"}`)
		for _, move := range []struct {
			id          int64
			body        string
			todo, Close []int64
		}{
			{4, `{"before":1}`, []int64{4, 1, 2, 3}, nil},
			{4, `{"before":3}`, []int64{1, 2, 4, 3}, nil},
			{1, `{"before":null}`, []int64{2, 4, 3, 1}, nil},
			{2, `{"status":"done","before":null}`, []int64{4, 3, 1}, []int64{2}},
			{1, `{"status":"done","before":2}`, []int64{4, 3}, []int64{1, 2}},
			{2, `{"before":1}`, []int64{4, 3}, []int64{2, 1}},
			{4, `{"before":3}`, []int64{4, 3}, []int64{2, 1}},
		} {
			a.must(t, 200, "PATCH", fmt.Sprintf("/api/tasks/%d", move.id), move.body)
			if todo, done := a.columnOf(t, "todo"), a.columnOf(t, "done"); !slices.Equal(todo, move.todo) || !slices.Equal(done, move.Close) {
				t.Fatalf("after %d %s: to do %v, done %v", move.id, move.body, todo, done)
			}
		}
		if id := a.create(t, "/api/projects/1/tasks", `{"title":"first","before":4}`); a.columnOf(t, "todo")[0] != id {
			t.Errorf("to do %v, want %d first", a.columnOf(t, "todo"), id)
		}
		for _, body := range []string{`{"before":1}`, `{"before":5}`, `{"before":4}`, `{"before":99}`, `{"before":"3"}`, `{"status":"doing","before":3}`} {
			scenario{method: "PATCH", path: "/api/tasks/4", body: body, status: 422, contains: []string{`"field":"before"`}}.run(t, a)
		}
		scenario{name: "a move is told of as one", method: "GET", path: "/api/activity", status: 200, contains: []string{`"moved task “x” to done"`}}.run(t, a)
	})
}

// TestPlacesDoNotRunOut moves to where there is no number left between.
func TestPlacesDoNotRunOut(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for _, position := range []int64{math.MinInt64, 0, 0, 1, math.MaxInt64} {
			a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"x","position":%d}`, position))
		}
		want := []int64{1, 2, 3, 4, 5}
		random := rand.New(rand.NewPCG(1, 2))
		for range 40 {
			from := random.IntN(5)
			id := want[from]
			want = slices.Delete(want, from, from+1)
			to := random.IntN(5)
			before := "null"
			if to < 4 {
				before = fmt.Sprint(want[to])
			}
			want = slices.Insert(want, to, id)
			a.must(t, 200, "PATCH", fmt.Sprintf("/api/tasks/%d", id), `{"before":`+before+`}`)
			if got := a.columnOf(t, "todo"); !slices.Equal(got, want) {
				t.Fatalf("%d before %s: %v, want %v", id, before, got, want)
			}
		}
	})
}

// TestMovesAtOnce: those who move at the same time lose no task.
func TestMovesAtOnce(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for i := range 6 {
			a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"x","position":%d}`, i/3))
		}
		var all sync.WaitGroup
		for id := range 5 {
			all.Go(func() {
				reply := a.send(t, "PATCH", fmt.Sprintf("/api/tasks/%d", id+1), `{"before":6}`)
				if reply.Code != 200 {
					t.Errorf("%d %s", reply.Code, reply.Body)
				}
			})
		}
		all.Wait()
		got := a.columnOf(t, "todo")
		if len(got) != 6 || got[5] != 6 {
			t.Errorf("to do %v, want 6 last", got)
		}
	})
}
