package pages_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
)

func TestPeoplePage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.admin, "/people").expect(t, 200, "ben@acme.test", "Invite somebody", "Remove Ben", `action="/people"`)
		s.post(t, s.admin, "/people", "name", "", "email", "x", "role", "owner").
			expect(t, 422, "Name must not be blank.", "E-mail address ", "Role must be", `<details class="fold" open>`)
		s.post(t, s.admin, "/people", "name", "Ben", "email", "BEN@acme.test", "role", "member").expect(t, 409, "A user has this e-mail address already.")
		made := s.post(t, s.admin, "/people", "name", "Ida", "email", "ida@acme.test", "role", "admin").expect(t, 201, "tnti_", "ida@acme.test", "Invited")
		s.get(t, s.admin, "/people").expect(t, 200, "ida@acme.test", "", "tnti_")
		ida := regexp.MustCompile(`/people/(\d+)/invitation`).FindAllStringSubmatch(made.body, -1)[2][1]
		again := s.post(t, s.admin, "/people/"+ida+"/invitation").expect(t, 201, "tnti_")
		if link := regexp.MustCompile(`tnti_[\w-]+`); link.FindString(again.body) == link.FindString(made.body) {
			t.Error("the new link is the old one")
		}
		s.post(t, s.admin, "/people/"+ida, "role", "member").leads(t, "/people")
		s.post(t, s.admin, path("/people/%d", s.adminID), "role", "member").expect(t, 409, "This is the last admin.")
		s.post(t, s.admin, path("/people/%d/delete", s.adminID)).expect(t, 409, "This is the last admin.")
		s.post(t, s.admin, path("/people/%d", s.memberID), "role", "owner").expect(t, 422, "Role must be")
		s.post(t, s.admin, "/people/"+ida+"/delete").leads(t, "/people")
		s.get(t, s.admin, "/people").expect(t, 200, "", "ida@acme.test")
		s.post(t, s.admin, "/people/99/delete").expect(t, 404)
		s.post(t, s.admin, "/people/x", "role", "member").expect(t, 404)
	})
}

// TestMembersAreNoAdmins: they see none of an admin's actions and are refused
// their routes.
func TestMembersAreNoAdmins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.member, "/people").expect(t, 200, "ada@acme.test", "", "Invite somebody", `action="/people`, "Remove", "Manage")
		for _, path := range []string{"/people", path("/people/%d", s.memberID), path("/people/%d/invitation", s.adminID), path("/people/%d/delete", s.adminID)} {
			s.post(t, s.member, path, "name", "Eve", "email", "eve@acme.test", "role", "admin").expect(t, 403, "Ask an admin", "", "tnti_")
		}
		var admins int64
		s.update(t, func(tx *gorm.DB) error {
			return tx.Model(&models.User{}).Where("role = ?", models.RoleAdmin).Count(&admins).Error
		})
		if admins != 1 {
			t.Errorf("there are %d admins", admins)
		}
	})
}

func TestAccountPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.member, "/account").expect(t, 200, `value="Ben"`, `value="ben@acme.test"`, "This browser", "", "ada@acme.test", "/account/sessions/")
		s.post(t, s.member, "/account", "name", "", "email", "x").expect(t, 422, "Name must not be blank.", "E-mail address ")
		s.post(t, s.member, "/account", "name", "Ben", "email", "ada@acme.test").expect(t, 409, "A user has this e-mail address already.")
		s.post(t, s.member, "/account", "name", "Benjamin", "email", "ben@acme.test").leads(t, "/account?done=profile")
		s.get(t, s.member, "/account?done=profile").expect(t, 200, "Benjamin", "Saved.")

		s.post(t, "", "/sign-in", "email", "ben@acme.test", "password", password).leads(t, "/")
		other := regexp.MustCompile(`/account/sessions/\d+/delete`).FindString(s.get(t, s.member, "/account").body)
		s.post(t, s.admin, "/account/sessions/99/delete").expect(t, 404)
		s.post(t, s.member, other).leads(t, "/account")
		s.get(t, s.member, "/account").expect(t, 200, "", "/account/sessions/")
	})
}

func TestTokensPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.member, "/account/tokens").expect(t, 200, "There are none", "", "tntt_")
		s.post(t, s.member, "/account/tokens", "name", "", "expires_in_days", "9999").expect(t, 422, "Name must not be blank.", "Valid for must be")
		made := s.post(t, s.member, "/account/tokens", "name", "robot", "expires_in_days", "30").expect(t, 201, "tntt_", "robot")
		s.get(t, s.member, "/account/tokens").expect(t, 200, "robot", "", "tntt_")
		s.get(t, s.admin, "/account/tokens").expect(t, 200, "", "robot")
		revoke := regexp.MustCompile(`/account/tokens/\d+/delete`).FindString(made.body)
		_, clea := s.person(t, "Clea", models.RoleMember)
		s.post(t, clea, revoke).expect(t, 404)
		s.post(t, s.member, revoke).leads(t, "/account/tokens")
		s.get(t, s.member, "/account/tokens").expect(t, 200, "", "robot")
	})
}

func TestActivityPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, s.member, "/activity").expect(t, 200, "Nothing has happened yet")
		board := s.post(t, s.member, "/projects", "name", "Office").header.Get("Location")
		for i := range 60 {
			s.post(t, s.member, board+"/tasks", "title", fmt.Sprintf("Task %d.", i))
		}
		first := s.get(t, s.member, "/activity").expect(t, 200, "Task 59.", "Ben", `<h2 id="d`, "", "Task 9.")
		next := regexp.MustCompile(`/activity\?after=[\w-]+`).FindString(first.body)
		s.get(t, s.member, next).expect(t, 200, "Task 9.", "created project “Office”", `href="`+board+`"`, "", "Task 59.", "Earlier")
		s.get(t, s.member, "/activity?after=x").expect(t, 422)
	})
}

func TestImportPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office")
		imports, board := path("/projects/%d/import", project.ID), path("/projects/%d", project.ID)
		s.get(t, s.member, imports).expect(t, 200, `type="file"`, "assignee_email")
		const bad = "title,status,due_on,assignee_email\nOrder chairs,open,soon,nobody@acme.test\n,todo,,\n"
		s.post(t, s.member, imports, "text", bad).
			expect(t, 422, "row 1, column status", "row 1, column due_on", "row 1, column assignee_email", "row 2, column title", "Order chairs,open", "Nothing was stored", "", `value="import"`)
		s.post(t, s.member, imports, "step", "import", "text", bad).expect(t, 422, "row 1, column status")
		good := "title,status,due_on,assignee_email\nOrder chairs,doing,2031-03-31,ADA@acme.test\nOrder desks,,,\n"
		s.post(t, s.member, imports, "text", good).expect(t, 200, "2 tasks will be added", "<td>Order chairs</td><td>Doing</td><td>Ada</td><td>2031-03-31</td>", `name="step" value="import"`)
		s.get(t, s.member, board).expect(t, 200, "", "Order chairs")
		s.post(t, s.member, imports, "step", "import", "text", good).leads(t, board+"?imported=2")
		s.get(t, s.member, board+"?imported=2").expect(t, 200, "2 tasks were imported", "Order chairs", "Order desks")
		s.get(t, s.member, board+"?imported=<b>").expect(t, 200, "", "imported")

		s.post(t, s.member, imports, "text", "").expect(t, 422, "header")
		s.post(t, s.member, imports, "text", strings.Repeat("x", 3<<20)).expect(t, 413, "Send less at once")
		s.post(t, s.member, board, "archived", "true")
		s.post(t, s.member, imports, "text", good).expect(t, 409, "archived and takes no new tasks")
		s.get(t, s.member, "/projects/99/import").expect(t, 404)
	})
}

// TestUploads sends a file as browsers do, with and without one chosen.
func TestUploads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		imports := path("/projects/%d/import", s.project(t, "Office").ID)
		upload := func(file, text string) reply {
			const boundary = "----x"
			body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n" + file +
				"\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n" + text + "\r\n--" + boundary + "--\r\n"
			r := newRequest(t, "acme.localhost", imports, s.member, url.Values{})
			r.Body = readCloser(body)
			r.ContentLength = int64(len(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			return s.send(t, r)
		}
		upload("title\nFrom the file", "title\nFrom the text").expect(t, 200, "<td>From the file</td>")
		upload("", "title\nFrom the text").expect(t, 200, "<td>From the text</td>")
		r := newRequest(t, "acme.localhost", imports, s.member, url.Values{})
		r.Body, r.ContentLength = readCloser("no parts"), 8
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		s.send(t, r).expect(t, 400)
	})
}
