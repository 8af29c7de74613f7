package handlers_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
)

// listReply is a page of any list.
type listReply struct {
	Items []struct{ ID int64 }
	Next  *string
}

// readAll reads a list page by page; between pages meanwhile is called.
func readAll(t *testing.T, a *api, path string, limit int, meanwhile func()) []int64 {
	t.Helper()
	var ids []int64
	for after := ""; ; {
		var page listReply
		decode(t, a.must(t, 200, "GET", fmt.Sprintf("%s?limit=%d%s", path, limit, after), ""), &page)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.Next == nil {
			return ids
		}
		if len(page.Items) != limit {
			t.Fatalf("%d items on a page of %d that has a next one", len(page.Items), limit)
		}
		after = "&after=" + *page.Next
		meanwhile()
	}
}

// TestPagesHoldEachRowOnce reads lists while rows are put before, between and
// behind those there.
func TestPagesHoldEachRowOnce(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		seedPages(t, a)
		n := 0
		insert := func() {
			if n++; n%2 == 0 {
				return // or a list that grows a row a page would have no end
			}
			a.update(t, func(tx *gorm.DB) error { return insertMeanwhile(tx, n) })
		}
		for path, want := range map[string]int{
			"/api/users": 23, "/api/projects": 23, "/api/projects/1/tasks": 23, "/api/activity": 23,
		} {
			for _, limit := range []int{1, 4, 23} {
				seen := map[int64]int{}
				for _, id := range readAll(t, a, path, limit, insert) {
					seen[id]++
				}
				for id := int64(1); id <= int64(want); id++ {
					if seen[id] != 1 {
						t.Errorf("%s, limit %d: row %d was there %d times", path, limit, id, seen[id])
					}
				}
				for id, times := range seen {
					if times != 1 {
						t.Errorf("%s, limit %d: row %d was there %d times", path, limit, id, times)
					}
				}
			}
		}
	})
}

// seedPages makes 23 of each; many tasks share a position.
func seedPages(t *testing.T, a *api) {
	t.Helper()
	a.update(t, func(tx *gorm.DB) error {
		for i := range 23 {
			project := models.Project{Name: fmt.Sprintf("p%d", i)}
			if err := tx.Create(&project).Error; err != nil {
				return err
			}
			for _, row := range []any{
				&models.User{Email: fmt.Sprintf("u%d@example.com", i), Name: "x", Role: models.RoleMember},
				&models.Task{ProjectID: 1, Title: "x", Status: models.StatusTodo, Position: int64(i * 7 % 5)},
				&models.Activity{Action: "task.created", SubjectID: 1, Summary: "x"},
			} {
				if err := tx.Create(row).Error; err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func insertMeanwhile(tx *gorm.DB, n int) error {
	for _, row := range []any{
		&models.Project{Name: fmt.Sprintf("q%d", n)},
		&models.User{Email: fmt.Sprintf("v%d@example.com", n), Name: "x", Role: models.RoleMember},
		&models.Task{ProjectID: 1, Title: "x", Status: models.StatusTodo, Position: int64(-n)},
		&models.Task{ProjectID: 1, Title: "x", Status: models.StatusTodo, Position: int64(n % 5)},
		&models.Activity{Action: "task.created", SubjectID: 1, Summary: "x"},
	} {
		if err := tx.Create(row).Error; err != nil {
			return err
		}
	}
	return nil
}

func TestListsAreInOrder(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for _, position := range []int{3, 1, 2, 1} {
			a.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"x","position":%d}`, position))
		}
		for path, want := range map[string]string{
			"/api/projects/1/tasks": "[2 4 3 1]", "/api/activity": "[5 4 3 2 1]", "/api/projects": "[1]",
		} {
			for _, limit := range []int{1, 2, 200} {
				if got := fmt.Sprint(readAll(t, a, path, limit, func() {})); got != want {
					t.Errorf("%s, limit %d: %s, want %s", path, limit, got, want)
				}
			}
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.update(t, func(tx *gorm.DB) error {
			users := make([]models.User, 201)
			for i := range users {
				users[i] = models.User{Email: fmt.Sprintf("u%d@example.com", i), Name: "x", Role: models.RoleMember}
			}
			return tx.Create(&users).Error
		})
		for query, want := range map[string]int{"": 50, "?limit=1": 1, "?limit=200": 200} {
			var page listReply
			decode(t, a.must(t, 200, "GET", "/api/users"+query, ""), &page)
			if len(page.Items) != want || page.Next == nil {
				t.Errorf("%q: %d items, next %v; want %d", query, len(page.Items), page.Next, want)
			}
		}
		for _, limit := range []string{"0", "-1", "201", "", "ten", "1.5", "1e2", "99999999999999999999", "0x10", "%2B5", "007", "%205", "5%0A"} {
			scenario{method: "GET", path: "/api/users?limit=" + limit, status: 422, contains: []string{`"errors":[{"field":"limit","message":"must be a number from 1 to 200"}]`}}.run(t, a)
		}
		scenario{method: "GET", path: "/api/users?limit=%00", status: 422, contains: []string{`"field":"limit"`}}.run(t, a)
	})
}

func TestCursorsBelongToTheirList(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		seedPages(t, a)
		a.create(t, "/api/projects/2/tasks", `{"title":"x"}`)
		next := func(path string) string {
			var page listReply
			decode(t, a.must(t, 200, "GET", path+"?limit=1", ""), &page)
			return *page.Next
		}
		projects, tasks := next("/api/projects"), next("/api/projects/1/tasks")
		if strings.ContainsAny(projects+tasks, "+/=&% ") {
			t.Errorf("cursors %q and %q need escaping", projects, tasks)
		}
		plain := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for path, cursors := range map[string][]string{
			"/api/users":            {projects, tasks, "", "x", "é", "%00", projects + "A", plain("users"), plain("users 1 2"), plain("users x"), plain("users +1"), plain("users 99999999999999999999"), plain("users 1;DROP")},
			"/api/projects/2/tasks": {tasks, projects},
			"/api/activity":         {projects},
		} {
			for _, cursor := range cursors {
				scenario{method: "GET", path: path + "?after=" + cursor, status: 422, contains: []string{`"errors":[{"field":"after"`}}.run(t, a)
			}
		}
		scenario{method: "GET", path: "/api/users?after=" + plain("users 22"), status: 200, contains: []string{`{"items":[{"id":23,`, `"next":null`}}.run(t, a)
	})
}

func TestHeadIsLikeGet(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.must(t, 200, "HEAD", "/api/projects", "")
		a.must(t, 200, "HEAD", "/api/projects/1", "")
		a.must(t, 404, "HEAD", "/api/projects/2", "")
	})
}
