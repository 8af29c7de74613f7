package pages_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
)

func TestTaskPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs")
		task := path("/tasks/%d", project.Tasks[0].ID)
		s.get(t, s.member, task).expect(t, 200, `value="Order chairs"`, "Nobody has said anything", fmt.Sprintf(`<option value="%d">Ada`, s.adminID))
		s.post(t, s.member, task, "title", "", "status", "blocked", "assignee_id", "99", "due_on", "soon", "version", "1").
			expect(t, 422, "Title must not be blank.", "Status must be", "Assignee must be", "Due date must be a day")
		s.post(t, s.member, task, "title", "Order oak chairs", "status", "doing", "assignee_id", fmt.Sprint(s.adminID), "due_on", "2031-02-28", "version", "1").
			leads(t, task+"?done=saved")
		s.get(t, s.member, task).expect(t, 200, `value="Order oak chairs"`, `<option value="doing" selected>`, `value="2031-02-28"`, fmt.Sprintf(`<option value="%d" selected>Ada`, s.adminID), `name="version" value="2"`)
		s.get(t, s.member, path("/projects/%d", project.ID)).expect(t, 200, "Due 28 Feb 2031", `title="Ada"`)
		s.post(t, s.member, task, "title", "Order oak chairs", "status", "done", "assignee_id", "", "due_on", "", "version", "2").leads(t, task+"?done=saved")
		if got := s.load(t, project.Tasks[0].ID); got.AssigneeID != nil || got.DueOn != nil || got.Status != models.StatusDone {
			t.Errorf("stored %+v", got)
		}
		s.post(t, s.member, task+"/delete").leads(t, path("/projects/%d", project.ID))
		s.get(t, s.member, task).expect(t, 404)
		s.post(t, s.member, task, "title", "x").expect(t, 404)
		s.get(t, s.member, "/tasks/x").expect(t, 404)
	})
}

// TestConflict: two people change one task. The second one sees both versions,
// and nothing is overwritten until they say so.
func TestConflict(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		id := s.project(t, "Office", "Order chairs").Tasks[0].ID
		task := path("/tasks/%d", id)
		s.post(t, s.admin, task, "title", "Order six chairs", "status", "doing", "assignee_id", "", "due_on", "", "version", "1")
		mine := []string{"title", "Order oak chairs", "status", "todo", "assignee_id", fmt.Sprint(s.memberID), "due_on", "", "version"}
		got := s.post(t, s.member, task, append(mine, "1")...).expect(t, 409, "Somebody changed this task meanwhile",
			"<td>Order six chairs</td><td>Order oak chairs</td>", "<td>Doing</td><td>To do</td>", "<td>Nobody</td><td>Ben</td>",
			`value="Order oak chairs"`, `name="version" value="2"`, "", "<th scope=\"row\">Due date")
		if stored := s.load(t, id); stored.Title != "Order six chairs" || stored.Version != 2 {
			t.Errorf("stored %+v", stored)
		}
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(got.body)[1]
		s.post(t, s.member, task, append(mine, version)...)
		if stored := s.load(t, id); stored.Title != "Order oak chairs" || stored.Version != 3 {
			t.Errorf("stored %+v", stored)
		}
		s.post(t, s.member, path("/tasks/%d/move", id), "to", "done")
		s.post(t, s.admin, task, append(mine, "3")...).expect(t, 409, "<td>Done</td><td>To do</td>")
		s.post(t, s.admin, task, "title", "Order oak chairs", "status", "done", "assignee_id", fmt.Sprint(s.memberID), "due_on", "", "version", "3").
			expect(t, 409, "What you wrote is what is stored now")
	})
}

func TestCommentsOnThePage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		id := s.project(t, "Office", "Order chairs").Tasks[0].ID
		task := path("/tasks/%d", id)
		s.post(t, s.member, task+"/comments", "body", " ").expect(t, 422, "Your comment must not be blank.", `value="Order chairs"`)
		at := s.post(t, s.member, task+"/comments", "body", "Oak,\r\nplease").header.Get("Location")
		if !strings.HasPrefix(at, task+"#c") {
			t.Errorf("led to %q", at)
		}
		comment := strings.TrimPrefix(at, task+"#c")
		s.get(t, s.member, task).expect(t, 200, "Oak,\nplease", "Ben", "/comments/"+comment+"/delete")
		s.post(t, s.admin, task+"/comments", "body", "Ash")
		deletable := regexp.MustCompile(`action="/comments/\d+/delete"`)
		for session, want := range map[string]int{s.member: 1, s.admin: 2} {
			if got := s.get(t, session, task).expect(t, 200, "Ash"); len(deletable.FindAllString(got.body, -1)) != want {
				t.Errorf("not %d comments can be deleted: %s", want, got.body)
			}
		}
		s.post(t, s.admin, "/comments/"+comment+"/delete").leads(t, task+"#comments")
		s.get(t, s.member, task).expect(t, 200, "", "Oak,")
	})
}

// TestOutputIsEscaped puts markup wherever people write.
func TestOutputIsEscaped(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>{{.}}` + "`${1}`"
	each(t, func(t *testing.T, s *site) {
		s.update(t, func(tx *gorm.DB) error { return tx.Model(&models.User{ID: s.adminID}).Update("name", hostile).Error })
		project := s.project(t, hostile, hostile)
		task := path("/tasks/%d", project.Tasks[0].ID)
		board := path("/projects/%d", project.ID)
		s.post(t, s.admin, board, "name", hostile, "description", hostile)
		s.post(t, s.admin, task+"/comments", "body", hostile)
		s.post(t, s.admin, task, "title", hostile, "status", "doing", "assignee_id", fmt.Sprint(s.adminID), "due_on", "", "version", "1")
		made := s.post(t, s.admin, "/account/tokens", "name", hostile, "expires_in_days", "7")
		for _, r := range []reply{
			made, s.get(t, s.admin, "/"), s.get(t, s.admin, board), s.get(t, s.admin, board+"/edit"), s.get(t, s.admin, board+"/import"), s.get(t, s.admin, task),
			s.get(t, s.admin, "/people"), s.get(t, s.admin, "/activity"), s.get(t, s.admin, "/account"), s.get(t, s.admin, "/account/tokens"),
			s.post(t, s.admin, task, "title", hostile+"\x00", "status", hostile, "version", hostile),
			s.post(t, s.admin, board+"/import", "text", "title\n"+hostile),
			s.post(t, s.admin, "/projects", "name", hostile+"\x00"), s.post(t, "", "/sign-in", "email", hostile, "next", hostile),
		} {
			for _, bad := range []string{"<script>", "<img", hostile} {
				if strings.Contains(r.body, bad) {
					t.Errorf("%d: the page holds %q: %s", r.status, bad, r.body)
				}
			}
		}
		s.get(t, s.admin, board).expect(t, 200, "&lt;script&gt;")
	})
}
