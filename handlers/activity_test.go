package handlers_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/request"
	"tenantry/models"
)

func TestActivityTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.must(t, 200, "PATCH", "/api/users/1", `{"name":"Ada L.","role":"admin"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.must(t, 200, "PATCH", "/api/projects/1", `{"name":"Bureau"}`)
		a.must(t, 200, "PATCH", "/api/projects/1", `{"archived":true}`)
		a.must(t, 200, "PATCH", "/api/projects/1", `{"archived":false}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		a.must(t, 200, "PATCH", "/api/tasks/1", `{"status":"done"}`)
		a.must(t, 200, "PATCH", "/api/tasks/1", `{"status":"todo","due_on":"2026-02-28"}`)
		a.must(t, 201, "POST", "/api/projects/1/tasks/import", "title\nOrder desks\n", "Content-Type", "text/csv")
		a.must(t, 204, "DELETE", "/api/tasks/1", "")
		a.must(t, 204, "DELETE", "/api/projects/1", "")
		a.must(t, 204, "DELETE", "/api/users/1", "")

		want := []struct{ action, summary string }{
			{"user.created", "created user “Ada”"},
			{"user.updated", "changed name, role of user “Ada L.”"},
			{"project.created", "created project “Office”"},
			{"project.updated", "changed name of project “Bureau”"},
			{"project.updated", "archived project “Bureau”"},
			{"project.updated", "reopened project “Bureau”"},
			{"task.created", "created task “Order chairs”"},
			{"task.updated", "moved task “Order chairs” to done"},
			{"task.updated", "changed status, due_on of task “Order chairs”"},
			{"project.tasks_imported", "imported 1 task into project “Bureau”"},
			{"task.deleted", "deleted task “Order chairs”"},
			{"project.deleted", "deleted project “Bureau”"},
			{"user.deleted", "deleted user “Ada L.”"},
		}
		var list struct {
			Items []struct {
				ActorID         *int64 `json:"actor_id"`
				SubjectID       int64  `json:"subject_id"`
				Action, Summary string
				CreatedAt       string `json:"created_at"`
			}
		}
		decode(t, a.must(t, 200, "GET", "/api/activity", ""), &list)
		if len(list.Items) != len(want) {
			t.Fatalf("%d activities, want %d", len(list.Items), len(want))
		}
		for i, w := range want {
			got := list.Items[len(want)-1-i]
			at, err := time.Parse(time.RFC3339, got.CreatedAt)
			if got.Action != w.action || got.Summary != w.summary || got.SubjectID != 1 || *got.ActorID != adminID || err != nil || at.Location() != time.UTC {
				t.Errorf("activity %d is %+v, want %+v; %v", i, got, w, err)
			}
		}
	})
}

func TestActivityNamesTheActor(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.update(t, func(tx *gorm.DB) error {
			ada := &models.User{Email: "ada@example.com", Name: "Ada", Role: models.RoleAdmin}
			return tx.Create(&models.Activity{Actor: ada, Action: "user.created", SubjectID: 1, Summary: "created user “Ada”"}).Error
		})
		scenario{method: "GET", path: "/api/activity", status: 200, contains: []string{`"actor_id":1,"actor_name":"Ada"`}}.run(t, a)
		a.must(t, 204, "DELETE", "/api/users/1", "")
		scenario{method: "GET", path: "/api/activity", status: 200, contains: []string{`"actor_id":null,"actor_name":null`}, lacks: []string{`"Ada"`}}.run(t, a)
	})
}

// TestWhatChangesNothingIsNotRecorded also keeps updated_at as it was.
func TestWhatChangesNothingIsNotRecorded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@example.com","name":"Ada"}`)
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs","assignee_id":1,"due_on":"2026-02-28"}`)
		before := a.dump(t)
		for path, body := range map[string]string{
			"/api/users/1":    `{"name":"Ada","email":"ada@example.com"}`,
			"/api/projects/1": `{}`,
			"/api/tasks/1":    `{"title":"Order chairs","assignee_id":1,"due_on":"2026-02-28","position":1024}`,
		} {
			a.must(t, 200, "PATCH", path, body)
		}
		after := a.dump(t)
		if len(after.Activity) != len(before.Activity) {
			t.Errorf("%d activities, want %d", len(after.Activity), len(before.Activity))
		}
		if !after.Tasks[0].UpdatedAt.Equal(before.Tasks[0].UpdatedAt) {
			t.Error("the task looks updated")
		}
		a.must(t, 200, "PATCH", "/api/tasks/1", `{"title":"Order desks"}`)
		if !a.dump(t).Tasks[0].UpdatedAt.After(before.Tasks[0].UpdatedAt) {
			t.Error("the task was updated and doesn't look so")
		}
	})
}

// TestChangeAndActivityStandOrFallTogether fails the request after both, and
// then the activity alone.
func TestChangeAndActivityStandOrFallTogether(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.routes.POST("/failing", request.Do(func(c *gin.Context, tx *gorm.DB) error {
			return errors.Join(handlers.CreateProject(c, tx), errors.New("too late"))
		}))
		scenario{method: "POST", path: "/api/failing", body: `{"name":"Office"}`, status: 500}.run(t, a)

		a.alter(t, "ALTER TABLE activity RENAME TO elsewhere")
		a.must(t, 500, "POST", "/api/projects", `{"name":"Office"}`)
		a.alter(t, "ALTER TABLE elsewhere RENAME TO activity")
		if all := a.dump(t); len(all.Projects) != 0 {
			t.Errorf("stored without activity: %+v", all)
		}
	})
}
