package seed

import (
	"fmt"
	"strings"
	"testing"

	"tenantry/models"
)

// TestHistoryMatchesTheRows replays the history and compares what comes out
// with the rows.
func TestHistoryMatchesTheRows(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		all := numbered(generate(c))
		past := map[string][]*models.Activity{}
		said := map[int64]int{} // by task
		for _, c := range all.comments {
			said[c.TaskID]++
		}
		for _, e := range all.activity {
			if e.Action == "task.commented" {
				said[e.SubjectID]--
				continue
			}
			kind, _, _ := strings.Cut(e.Action, ".")
			key := fmt.Sprint(kind, e.SubjectID)
			past[key] = append(past[key], e)
		}
		for i, u := range all.users {
			events := past[fmt.Sprint("user", u.ID)]
			wantCreated(t, events, fmt.Sprintf("created user “%s”", u.Name))
			if len(events) != 1 || !events[0].CreatedAt.Equal(u.CreatedAt) || (events[0].ActorID == nil) != (i == 0) {
				t.Errorf("%s: %d events", u.Name, len(events))
			}
		}
		for _, p := range all.projects {
			wantProject(t, c, p, past[fmt.Sprint("project", p.ID)])
		}
		for _, task := range all.tasks {
			wantTask(t, task, past[fmt.Sprint("task", task.ID)])
		}
		for id, n := range said {
			if n != 0 {
				t.Errorf("the history tells of %d comments too few on task %d", n, id)
			}
		}
		if n := len(all.users) + len(all.projects) + len(all.tasks); len(past) != n {
			t.Errorf("the history has %d subjects, there are %d", len(past), n)
		}
	})
}

func wantCreated(t *testing.T, events []*models.Activity, summary string) {
	t.Helper()
	if len(events) == 0 || !strings.HasSuffix(events[0].Action, ".created") || events[0].Summary != summary {
		t.Fatalf("history does not begin with %q", summary)
	}
}

func wantProject(t *testing.T, c company, p *models.Project, events []*models.Activity) {
	t.Helper()
	wantCreated(t, events, fmt.Sprintf("created project “%s”", p.Name))
	last := events[len(events)-1]
	archived := last.Summary == fmt.Sprintf("archived project “%s”", p.Name) && last.Action == "project.updated"
	if archived != p.Archived || len(events) > 2 || !last.CreatedAt.Equal(p.UpdatedAt) {
		t.Errorf("%s: archived %v, history says %v at %s", p.Name, p.Archived, archived, last.CreatedAt)
	}
	for _, plan := range c.Projects {
		if plan.Name == p.Name && !strings.HasPrefix(events[0].Actor.Email, plan.Lead+"@") {
			t.Errorf("%s was created by %s", p.Name, events[0].Actor.Email)
		}
	}
}

func wantTask(t *testing.T, task *models.Task, events []*models.Activity) {
	t.Helper()
	wantCreated(t, events, fmt.Sprintf("created task “%s”", task.Title))
	status := models.StatusTodo
	for _, e := range events[1:] {
		next := models.StatusDoing
		if status == models.StatusDoing {
			next = models.StatusDone
		}
		if want := fmt.Sprintf("moved task “%s” to %s", task.Title, next); e.Summary != want || e.Action != "task.updated" {
			t.Errorf("%s %q, want %q", e.Action, e.Summary, want)
		}
		status = next
	}
	if status != task.Status || !events[len(events)-1].CreatedAt.Equal(task.UpdatedAt) || len(events) > 3 {
		t.Errorf("task %q is %s, its history says %s", task.Title, task.Status, status)
	}
	for _, e := range events {
		if e.ActorID == nil {
			t.Errorf("nobody %s", e.Summary)
		}
	}
}
