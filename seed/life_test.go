package seed

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/models"
)

// count is how many tasks have the status.
func count(tasks []*models.Task, status models.Status) int {
	n := 0
	for _, task := range tasks {
		if task.Status == status {
			n++
		}
	}
	return n
}

// TestStatuses: old projects are done, those that run have work of all kinds.
func TestStatuses(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		archived := 0
		for _, p := range c.Projects {
			tasks := tasksOf(w, p.Name)
			done, doing := count(tasks, models.StatusDone), count(tasks, models.StatusDoing)
			switch {
			case p.Closed > 0 && (done*100 < len(tasks)*90 || doing > 0):
				t.Errorf("%s is over, and %d of %d tasks are done, %d under way", p.Name, done, len(tasks), doing)
			case p.Closed <= 0 && doing > len(c.members(p))*3:
				t.Errorf("%s: %d of %d tasks under way at once", p.Name, doing, len(tasks))
			case p.Closed <= 0 && (done == len(tasks) || p.Opened > 100 && done*100 < len(tasks)*30):
				t.Errorf("%s runs, and %d of %d tasks are done", p.Name, done, len(tasks))
			}
			if p.Archived {
				archived++
			}
		}
		todo, doing := count(w.tasks, models.StatusTodo), count(w.tasks, models.StatusDoing)
		if archived != 1 || doing*3 < len(c.People) || todo < doing {
			t.Errorf("%d archived projects, %d tasks under way, %d to do", archived, doing, todo)
		}
	})
}

func TestArchivedProjects(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		for _, row := range w.projects {
			at := slices.IndexFunc(c.Projects, func(p project) bool { return p.Name == row.Name })
			if row.Archived != c.Projects[at].Archived {
				t.Errorf("%s: archived %v", row.Name, row.Archived)
			}
			for _, task := range tasksOf(w, row.Name) {
				if row.Archived && task.UpdatedAt.After(row.UpdatedAt) {
					t.Errorf("%s was archived before %q was through", row.Name, task.Title)
				}
			}
		}
	})
}

func TestAssignees(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		load, nobody := map[*models.User]int{}, 0
		for _, task := range w.tasks {
			if task.Assignee == nil {
				nobody++
				if task.Status != models.StatusTodo {
					t.Errorf("%q is %s by nobody", task.Title, task.Status)
				}
				continue
			}
			load[task.Assignee]++
		}
		if nobody == 0 || nobody*4 > len(w.tasks) {
			t.Errorf("%d of %d tasks are nobody's", nobody, len(w.tasks))
		}
		for _, user := range w.users {
			if load[user] == 0 || load[user]*3 > len(w.tasks) {
				t.Errorf("%s has %d of %d tasks", user.Name, load[user], len(w.tasks))
			}
		}
	})
}

func TestDueDates(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		due, late := 0, 0
		for _, task := range w.tasks {
			if task.DueOn == nil {
				continue
			}
			due++
			date, err := time.Parse(time.DateOnly, task.DueOn.String())
			if err != nil || workday(date) != date {
				t.Errorf("%q is due on %s, %v", task.Title, task.DueOn, err)
			}
			if date.Before(task.CreatedAt.Truncate(day)) || date.After(referenceDay().AddDate(0, 6, 0)) {
				t.Errorf("%q of %s is due on %s", task.Title, task.CreatedAt, date)
			}
			if task.Status != models.StatusDone && date.Before(referenceDay()) {
				late++
			}
		}
		if due*3 < len(w.tasks) || due*3 > len(w.tasks)*2 {
			t.Errorf("%d of %d tasks are due some day", due, len(w.tasks))
		}
		if late*50 > len(w.tasks) {
			t.Errorf("%d tasks are overdue", late)
		}
	})
}

// TestTitlesVary: no title comes often, and none too many begin alike.
func TestTitlesVary(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		whole, beginnings := map[string]int{}, map[string]int{}
		for _, task := range w.tasks {
			whole[task.Title]++
			fields := strings.Fields(task.Title)
			beginnings[strings.Join(fields[:min(2, len(fields))], " ")]++
		}
		for title, n := range whole {
			if n > 4 {
				t.Errorf("%q comes %d times", title, n)
			}
		}
		if len(whole)*100 < len(w.tasks)*90 {
			t.Errorf("%d titles for %d tasks", len(whole), len(w.tasks))
		}
		for beginning, n := range beginnings {
			if n*100 > len(w.tasks)*6 {
				t.Errorf("%d of %d titles begin with %q", n, len(w.tasks), beginning)
			}
		}
		for _, p := range c.Projects {
			tasks := tasksOf(w, p.Name)
			seen := map[string]bool{}
			for _, task := range tasks {
				seen[task.Title] = true
			}
			if len(seen) != len(tasks) {
				t.Errorf("%s: %d titles for %d tasks", p.Name, len(seen), len(tasks))
			}
		}
	})
}
