package pages_test

import (
	"errors"
	"html"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/web"
)

// failures are errors of every class, by their status.
func failures() map[int]error {
	return map[int]error{
		403: tenants.ErrSuspended, 404: gorm.ErrRecordNotFound, 409: gorm.ErrDuplicatedKey, 413: web.ErrBodyTooLarge,
		422: gorm.ErrCheckConstraintViolated, 500: errors.New("a bug"), 503: tenants.ErrUnavailable, 507: tenants.ErrFull,
	}
}

// TestNothingTypedIsLost sends every form and fails it with every class of error.
// htmx gets the message alone and leaves the page as it is; a browser without
// scripts gets a page from which what was typed can be sent again.
func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs")
		board, task := path("/projects/%d", project.ID), path("/tasks/%d", project.Tasks[0].ID)
		for _, form := range []struct{ path, name, typed string }{
			{"/projects", "name", `Build a "house" & garden`}, {board, "description", "two\nlines"}, {board + "/tasks", "title", "Order <desks>"},
			{board + "/import", "text", "title\nOrder desks"}, {task, "title", "Order oak chairs"}, {task + "/move", "to", "done"},
			{task + "/comments", "body", "They came\ntoday"}, {"/people", "email", "eve@acme.test"}, {"/account", "name", "Ada L."},
			{"/account/tokens", "name", "backup"}, {"/sign-in", "email", "ada@acme.test"},
		} {
			for status, err := range failures() {
				s.fail = err
				values := url.Values{form.name: {form.typed}, "password": {"hunter2 hunter2"}}
				plain := s.send(t, newRequest(t, "acme.localhost", form.path, s.admin, values)).expect(t, status, "Send it again", "", "hunter2")
				if got := resent(t, plain.body, form.path); got.Get(form.name) != form.typed {
					t.Errorf("%s fails with %d: what was typed is shown as %q", form.path, status, got.Get(form.name))
				}
				htmx := s.send(t, newRequest(t, "acme.localhost", form.path, s.admin, values, "HX-Request", "true", "Accept", "*/*"))
				htmx.expectPart(t, status, "", "hunter2")
			}
		}
	})
}

// TestAnotherSitesFormIsNotKept: a page elsewhere must not put its form into ours,
// to be sent from here. Nor is a form shown whose secret is in its address.
func TestAnotherSitesFormIsNotKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		for _, err := range []error{nil, tenants.ErrSuspended} {
			s.fail = err
			r := newRequest(t, "acme.localhost", "/projects", s.admin, url.Values{"name": {"Planted"}}, "Sec-Fetch-Site", "cross-site")
			s.send(t, r).expect(t, 403, "", "Planted", "Send it again")
		}
		s.fail = tenants.ErrUnavailable
		s.post(t, "", "/invitation", "token", "very-secret", "password", "hunter2").expect(t, 503, "", "very-secret", "hunter2")
	})
}

// TestRefusedFormsStay fails requests as people do: what has a form of its own
// shows it again, with what was typed.
func TestRefusedFormsStay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs")
		board, task := path("/projects/%d", project.ID), path("/tasks/%d", project.Tasks[0].ID)
		long := strings.Repeat("long ", 100)
		for _, c := range []struct {
			path, session, typed string
			values               url.Values
			status               int
		}{
			{board + "/tasks", s.member, long, url.Values{"title": {long}}, 422},
			{task, s.member, long, url.Values{"title": {long}, "status": {"todo"}, "version": {"1"}}, 422},
			{"/people", s.admin, "ben@acme.test", url.Values{"email": {"ben@acme.test"}, "name": {"Ben"}, "role": {"member"}, "password": {password}}, 409},
		} {
			for _, header := range []string{"", "true"} {
				values := c.values
				got := s.send(t, newRequest(t, "acme.localhost", c.path, c.session, values, "HX-Request", header)).expect(t, c.status, `id="main"`, c.typed)
				if got.header.Get("HX-Retarget") != "" || header != "" && got.header.Get("HX-Push-Url") != "false" {
					t.Errorf("%s: headers %v", c.path, got.header)
				}
			}
		}
		s.send(t, newRequest(t, "acme.localhost", "/people", s.member, url.Values{"email": {"eve@acme.test"}}, "HX-Request", "true")).expectPart(t, 403, "Ask an admin")
		s.post(t, s.member, "/people", "email", "eve@acme.test").expect(t, 403, `value="eve@acme.test"`)
		s.send(t, newRequest(t, "acme.localhost", task, s.member, url.Values{"title": {strings.Repeat("x", 2<<20)}}, "HX-Request", "true")).expectPart(t, 413)
	})
}

// TestCommentsSurviveTheDetails: htmx renews the details and the head of the page
// alone, so that a comment which is half written beside them stays.
func TestCommentsSurviveTheDetails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		task := path("/tasks/%d", s.project(t, "Office", "Order chairs").Tasks[0].ID)
		s.get(t, s.member, task).expect(t, 200, `hx-target="#task-details" hx-select="#task-details" hx-swap="outerHTML" hx-select-oob="#task-head"`,
			`<section class="card-box" id="task-details"`, `id="task-head"`, `hx-target="#comments" hx-select="#comments"`)
		s.post(t, s.member, task, "title", "Order oak chairs", "status", "todo", "version", "1").leads(t, task+"?done=saved")
		s.get(t, s.member, task+"?done=saved").expect(t, 200, "Saved.", "Order oak chairs")
	})
}

// resent are the values of the form on the page that goes to the path.
func resent(t *testing.T, page, action string) url.Values {
	t.Helper()
	_, form, ok := strings.Cut(page, `<form class="form" method="post" action="`+action+`">`)
	if !ok {
		t.Fatalf("there is no form for %s: %s", action, page)
	}
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, input := range regexp.MustCompile(`<input[^>]*name="(\w+)"[^>]*value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		values.Set(input[1], html.UnescapeString(input[2]))
	}
	for _, area := range regexp.MustCompile(`(?s)<textarea[^>]*name="(\w+)"[^>]*>\n(.*?)</textarea>`).FindAllStringSubmatch(form, -1) {
		values.Set(area[1], html.UnescapeString(area[2]))
	}
	return values
}

// TestEveryFormIsSentByHTMX: a form that the browser sends by itself leaves the
// page, and what is typed there, when it fails. Only signing out and ending a visit may, and a
// download, because htmx saves no files.
func TestEveryFormIsSentByHTMX(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"templates", "../console/templates", "../look/templates"} {
		err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(folder + "/" + name)
			for _, form := range regexp.MustCompile(`<form[^\n]* method="post"[^\n]*?["}]>`).FindAllString(string(text), -1) {
				own := strings.Contains(form, `action="/sign-out"`) || strings.Contains(form, `action="/leave"`) || strings.Contains(form, `/export"`)
				if !strings.Contains(form, "hx-") && !own && name != "error.html" {
					t.Errorf("%s/%s: %s", folder, name, form)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
