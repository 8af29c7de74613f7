package pages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// cards are the ids of the cards in a column of a board, from the top.
func (r reply) cards(status models.Status) []int64 {
	_, column, _ := strings.Cut(r.body, `id="cards-`+string(status)+`"`)
	column, _, _ = strings.Cut(column, "</ul>")
	var ids []int64
	for _, match := range regexp.MustCompile(`id="t(\d+)"`).FindAllStringSubmatch(column, -1) {
		id, _ := strconv.ParseInt(match[1], 10, 64)
		ids = append(ids, id)
	}
	return ids
}

func TestProjectsPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.member, "/").expect(t, 200, "No projects yet", "Ben", "acme", `<form class="form" id="new-project"`)
		s.get(t, s.member, "/?archived=true").expect(t, 200, "Nothing is archived")
		s.post(t, s.member, "/projects", "name", " ", "description", "x").expect(t, 422, "Name must not be blank.", `aria-invalid="true"`, "<details class=\"fold\" open")
		to := s.post(t, s.member, "/projects", "name", "Office", "description", "Chairs\r\nand desks").header.Get("Location")
		s.get(t, s.member, to).expect(t, 200, "Office", "Chairs\nand desks", "No tasks yet")
		s.post(t, s.member, "/projects", "name", "Office").expect(t, 409, "A project has this name already.", `value="Office"`)
		s.post(t, s.member, to+"/tasks", "title", "Order chairs")
		s.get(t, s.member, "/").expect(t, 200, "0 of 1 done", to)

		s.get(t, s.member, to+"/edit").expect(t, 200, `value="Office"`, "Archive", "Admins can delete it", "", "Delete project")
		s.get(t, s.admin, to+"/edit").expect(t, 200, "Delete project")
		s.post(t, s.member, to, "name", "", "description", "").expect(t, 422, "Name must not be blank.")
		s.post(t, s.member, to, "name", "Bureau", "description", "").leads(t, to)
		s.post(t, s.member, to, "archived", "true").leads(t, to)
		s.get(t, s.member, to).expect(t, 200, "Bureau", "archived and takes no new tasks", "", `id="new-task"`)
		s.post(t, s.member, to+"/tasks", "title", "Late").expect(t, 409, "The project is archived")
		s.get(t, s.member, "/").expect(t, 200, "", "Bureau")
		s.get(t, s.member, "/?archived=true").expect(t, 200, "Bureau")
		s.post(t, s.member, to+"/delete").expect(t, 403, "Only admins may do this")
		s.post(t, s.admin, to+"/delete").leads(t, "/")
		s.get(t, s.member, to).expect(t, 404, "may have been deleted")
	})
}

func TestProjectsArePaged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.update(t, func(tx *gorm.DB) error {
			for i := range 51 {
				if err := tx.Create(&models.Project{Name: fmt.Sprintf("Project %d.", i)}).Error; err != nil {
					return err
				}
			}
			return nil
		})
		first := s.get(t, s.admin, "/").expect(t, 200, "Project 49.", "", "Project 50.")
		next := regexp.MustCompile(`href="(/\?archived=false&amp;after=[^"]+)"`).FindStringSubmatch(first.body)
		if next == nil {
			t.Fatalf("no next page: %s", first.body)
		}
		s.get(t, s.admin, strings.ReplaceAll(next[1], "&amp;", "&")).expect(t, 200, "Project 50.", "", "Project 49.")
		s.get(t, s.admin, "/?after=nonsense").expect(t, 422, "Go back and try again")
	})
}

func TestBoard(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs", "Order desks")
		board := path("/projects/%d", project.ID)
		one, two := project.Tasks[0].ID, project.Tasks[1].ID
		s.post(t, s.member, board+"/tasks", "title", "").expect(t, 422, "New task must not be blank.")
		added := s.post(t, s.member, board+"/tasks", "title", "Measure the room").header.Get("Location")
		three := two + 1
		if added != fmt.Sprintf("%s#t%d", board, three) {
			t.Errorf("led to %q", added)
		}
		move := func(id int64, pairs ...string) {
			t.Helper()
			s.post(t, s.member, path("/tasks/%d/move", id), pairs...).leads(t, fmt.Sprintf("%s#t%d", board, id))
		}
		want := func(todo, doing []int64) {
			t.Helper()
			got := s.get(t, s.member, board)
			if !slices.Equal(got.cards("todo"), todo) || !slices.Equal(got.cards("doing"), doing) {
				t.Errorf("to do %v and doing %v, want %v and %v", got.cards("todo"), got.cards("doing"), todo, doing)
			}
		}
		want([]int64{three, one, two}, nil)
		move(three, "to", "down")
		want([]int64{one, three, two}, nil)
		move(three, "to", "down")
		move(three, "to", "down") // there is nothing below
		want([]int64{one, two, three}, nil)
		move(two, "to", "up")
		move(two, "to", "up") // nor above
		want([]int64{two, one, three}, nil)
		move(one, "to", "doing")
		move(three, "to", "doing")
		want([]int64{two}, []int64{three, one})
		move(two, "to", "doing", "after", fmt.Sprint(three))
		want(nil, []int64{three, two, one})
		move(three, "to", "doing", "after", fmt.Sprint(one))
		want(nil, []int64{two, one, three})
		move(three, "to", "doing", "after", fmt.Sprint(one)) // it is there
		want(nil, []int64{two, one, three})
		move(one, "to", "todo", "after", "")
		want([]int64{one}, []int64{two, three})
		move(one, "to", "done")
		s.get(t, s.member, board).expect(t, 200, "1 of 3 done")
		for _, pairs := range [][]string{{"to", "doing", "after", "99"}, {"to", "todo", "after", fmt.Sprint(three)}, {"to", "todo", "after", "x"}, {"to", "blocked"}, {}} {
			s.post(t, s.member, path("/tasks/%d/move", two), pairs...).expect(t, 422, "could not be put there", "Order desks")
		}
		want(nil, []int64{two, three})
		s.post(t, s.member, "/tasks/99/move", "to", "up").expect(t, 404)
	})
}

// fill makes a project of n tasks, as long as people's titles are, with
// assignees and due dates.
func (s *site) fill(t testing.TB, n int) models.Project {
	t.Helper()
	project := models.Project{Name: "Large", Description: strings.Repeat("What it is about. ", 20)}
	s.update(t, func(tx *gorm.DB) error {
		if err := tx.Create(&project).Error; err != nil {
			return err
		}
		tasks := make([]models.Task, n)
		for i := range tasks {
			day, _ := models.ParseDate(fmt.Sprintf("2031-%02d-%02d", i%12+1, i%28+1))
			tasks[i] = models.Task{
				ProjectID: project.ID, Title: fmt.Sprintf("Task %d: measure the window of the second floor again, & tell the joiner", i),
				Status: []models.Status{models.StatusTodo, models.StatusDoing, models.StatusDone}[i%3], AssigneeID: &s.adminID, DueOn: &day, Position: int64(i+1) * 1024,
			}
		}
		return tx.CreateInBatches(tasks, 500).Error
	})
	return project
}

// maxBoard is how large the first page of any board may be, before compression.
const maxBoard = 150 << 10

func TestLargeBoard(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		board := path("/projects/%d", s.fill(t, 2000).ID)
		first := s.get(t, s.member, board).expect(t, 200, "666 of 2000 done", `<span class="count">667</span>`, "Task 0:")
		t.Logf("a board of 2,000 tasks is %d bytes", len(first.body))
		if len(first.body) > maxBoard {
			t.Errorf("%d bytes, want at most %d", len(first.body), maxBoard)
		}
		seen := map[int64]bool{}
		for page, pages := first, 0; ; pages++ {
			for _, id := range page.cards("todo") {
				if seen[id] {
					t.Fatalf("task %d is there twice", id)
				}
				seen[id] = true
			}
			more := regexp.MustCompile(`href="([^"]+)"[^>]*hx-select="#cards-todo`).FindStringSubmatch(page.body)
			if more == nil {
				break
			}
			if pages > 20 {
				t.Fatal("there is no end")
			}
			page = s.get(t, s.member, strings.ReplaceAll(more[1], "&amp;", "&")).expect(t, 200)
			if !slices.Equal(page.cards("done"), first.cards("done")) {
				t.Errorf("another column went on too")
			}
		}
		if len(seen) != 667 {
			t.Errorf("saw %d tasks to do, want 667", len(seen))
		}
		s.get(t, s.member, board+"?todo=nonsense").expect(t, 422)
	})
}

// TestHostileTitles: no title makes a board larger than it may be.
func TestHostileTitles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.fill(t, 240)
		s.update(t, func(tx *gorm.DB) error {
			return tx.Model(&models.Task{}).Where("project_id = ?", project.ID).Update("title", strings.Repeat("x", 200)).Error
		})
		if got := s.get(t, s.member, path("/projects/%d", project.ID)); len(got.body) > maxBoard {
			t.Errorf("%d bytes, want at most %d", len(got.body), maxBoard)
		}
	})
}

// BenchmarkBoard renders the first page of a board of 2,000 tasks, and lists as
// many tasks as it shows as JSON, through everything but the network.
func BenchmarkBoard(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			s := newSite(b, tenantstest.New(b, tenantstest.Options{Schema: models.Workspace(), Engine: engine}))
			project := s.fill(b, 2000)
			for name, target := range map[string]string{
				"html": path("/projects/%d", project.ID),
				"json": path("/api/projects/%d/tasks?limit=120", project.ID),
			} {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					size := 0
					for b.Loop() {
						w := httptest.NewRecorder()
						s.router.ServeHTTP(w, newRequest(b, "acme.localhost", target, s.member, nil))
						if w.Code != http.StatusOK {
							b.Fatalf("status %d: %s", w.Code, w.Body)
						}
						size = w.Body.Len()
					}
					b.ReportMetric(float64(size), "B/page")
				})
			}
		})
	}
}

// TestHTMXGetsTheSamePages: it follows the redirect, and takes its part out of
// the page.
func TestHTMXGetsTheSamePages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs")
		move := path("/tasks/%d/move", project.Tasks[0].ID)
		hx := func(path string, form url.Values) reply {
			return s.send(t, newRequest(t, "acme.localhost", path, s.member, form, "HX-Request", "true", "Accept", "*/*"))
		}
		hx(move, url.Values{"to": {"done"}}).leads(t, path("/projects/%d#t%d", project.ID, project.Tasks[0].ID))
		hx("/tasks/99/move", url.Values{"to": {"done"}}).expectPart(t, 404, "may have been deleted")
	})
}
