package handlers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// visited is an API whose tenant operators enter.
type visited struct {
	*api
	env      *tenantstest.Env
	accounts *operators.Accounts
}

// eachVisited runs f on each engine.
func eachVisited(t *testing.T, f func(t *testing.T, v *visited)) {
	t.Helper()
	eachEnv(t, func(t *testing.T, env *tenantstest.Env) {
		f(t, &visited{newAPI(t, env.Store, env.Tenant(t, "acme")), env, operators.New(env.Store.Master())})
	})
}

// ada makes an account of an operator, and returns who they are.
func (v *visited) ada(t *testing.T) operators.Identity {
	t.Helper()
	token, err := v.accounts.Add(t.Context(), "ada", operators.Operator, "test")
	if err != nil {
		t.Fatal(err)
	}
	who, err := v.accounts.Identify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// owner is the holder of the one token.
var owner = operators.Identity{Role: operators.Owner}

// link returns the text of a link with which an operator enters as the admin.
func (v *visited) link(t *testing.T, who operators.Identity, writes bool) string {
	t.Helper()
	by := lifecycle.Operator("operator")
	if who.Name != "" {
		by = lifecycle.Operator(who.Name)
	}
	made, err := v.api.accounts.LetIn(t.Context(), v.env.Lifecycle, by, who, "acme", lifecycle.Entry{Email: "Admin@acme.test", Reason: "a <b>broken</b> board", Writes: writes})
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(made.URL)
	if err != nil || at.Host != "acme.example.com" || at.Path != "/enter" {
		t.Fatalf("the link is %q, %v", made.URL, err)
	}
	return at.Query().Get("token")
}

// open sends a link's form to a host, and returns the cookie of the visit, or "".
func (v *visited) open(t *testing.T, host, link string) (cookie string, reply *httptest.ResponseRecorder) {
	t.Helper()
	reply = v.ask(t, "POST", host, "/enter", url.Values{"token": {link}}.Encode(), "")
	for _, c := range reply.Result().Cookies() {
		if c.Name == "visit" && c.Value != "" && c.HttpOnly && c.SameSite == http.SameSiteLaxMode && c.Domain == "" {
			cookie = "visit=" + c.Value
		}
	}
	return cookie, reply
}

// visit enters as the admin, and returns the cookie.
func (v *visited) visit(t *testing.T, who operators.Identity, writes bool) string {
	t.Helper()
	cookie, reply := v.open(t, "acme", v.link(t, who, writes))
	if cookie == "" || reply.Code != http.StatusSeeOther || reply.Header().Get("Location") != "/" {
		t.Fatalf("%d %v %s", reply.Code, reply.Header(), reply.Body)
	}
	return cookie
}

// ask sends a browser's request with a form to a host.
func (v *visited) ask(t *testing.T, method, host, path, form, cookie string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
	request.Host = host + ".localhost:8080"
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	reply := httptest.NewRecorder()
	v.router.ServeHTTP(reply, request)
	return reply
}

// stands reports whether a cookie is that of a visit.
func (v *visited) stands(t *testing.T, cookie string) bool {
	t.Helper()
	reply := v.ask(t, "GET", "acme", "/api/me", "", cookie)
	if reply.Code != http.StatusOK && reply.Code != http.StatusUnauthorized {
		t.Fatalf("%d %s", reply.Code, reply.Body)
	}
	return reply.Code == http.StatusOK && strings.Contains(reply.Body.String(), "admin@acme.test")
}

// change changes a column of all visits in the master.
func (v *visited) change(t *testing.T, column string, value any) {
	t.Helper()
	err := v.env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Visit{}).Where("1 = 1").Update(column, value).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// activities are the summaries of what happened, the newest first, with the names of the actors.
func (v *visited) activities(t *testing.T) (all []string) {
	t.Helper()
	var rows []models.Activity
	v.view(t, func(tx *gorm.DB) error { return tx.Joins("Actor").Order("activity.id DESC").Find(&rows).Error })
	for _, row := range rows {
		name := "system"
		if row.Actor != nil {
			name = row.Actor.Name
		}
		all = append(all, name+": "+row.Summary)
	}
	return all
}

// TestEntryLinks: a link works once, for a minute, at its tenant's host, and begins nothing that is not told there.
func TestEntryLinks(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		other := v.env.Tenant(t, "globex")
		err := v.store.Update(t.Context(), other, func(tx *gorm.DB) error { // the same person
			return tx.Create(&models.User{ID: adminID, Email: "admin@acme.test", Name: "Admin", Role: models.RoleAdmin}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		link := v.link(t, owner, false)
		for range 2 { // whatever opens it for a preview
			if r := v.ask(t, "GET", "acme", "/enter?token="+link, "", ""); r.Code != 200 || !strings.Contains(r.Body.String(), "a &lt;b&gt;broken") || len(r.Result().Cookies()) > 0 {
				t.Errorf("the page: %d %s", r.Code, r.Body)
			}
		}
		if cookie, r := v.open(t, "globex", link); cookie != "" || r.Code != http.StatusUnauthorized {
			t.Errorf("at another host: %q %d", cookie, r.Code)
		}
		cookie, _ := v.open(t, "acme", link)
		if !v.stands(t, cookie) {
			t.Error("the visit didn't begin")
		}
		if r := v.ask(t, "GET", "globex", "/api/me", "", cookie); r.Code != http.StatusUnauthorized {
			t.Errorf("a visit at another host: %d", r.Code)
		}
		if again, r := v.open(t, "acme", link); again != "" || r.Code != http.StatusUnauthorized {
			t.Errorf("used again: %q %d", again, r.Code)
		}
		late := v.link(t, owner, false)
		v.change(t, "link_expires_at", time.Now().Add(-time.Second))
		if cookie, r := v.open(t, "acme", late); cookie != "" || r.Code != http.StatusUnauthorized {
			t.Errorf("after a minute: %q %d", cookie, r.Code)
		}
		if told := v.activities(t); len(told) != 1 || !strings.HasPrefix(told[0], "system: let an operator in as admin@acme.test, reading only, until ") || !strings.Contains(told[0], "a <b>broken</b> board") {
			t.Errorf("told: %q", told)
		}
		v.expectNoSecret(t, link, strings.TrimPrefix(cookie, "visit="))
	})
}

// expectNoSecret expects that neither the log nor the master has a text.
func (v *visited) expectNoSecret(t *testing.T, secrets ...string) {
	t.Helper()
	var visits []tenants.Visit
	var operations []tenants.Operation
	err := v.env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Find(&visits).Error; err != nil {
			return err
		}
		return tx.Find(&operations).Error
	})
	if err != nil || len(visits) == 0 {
		t.Fatalf("%d visits, %v", len(visits), err)
	}
	stored := fmt.Sprintf("%s %q", v.log, fmt.Sprint(visits, operations))
	for _, secret := range secrets {
		if strings.Contains(stored, secret) {
			t.Errorf("%q is stored or logged", secret)
		}
	}
}

// TestEnterOnlyOnceAtATime opens a link from many browsers at once.
func TestEnterOnlyOnceAtATime(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		link := v.link(t, owner, false)
		began := make(chan string, 8)
		for range cap(began) {
			go func() { cookie, _ := v.open(t, "acme", link); began <- cookie }()
		}
		visits := 0
		for range cap(began) {
			if cookie := <-began; cookie != "" {
				visits++
			}
		}
		if visits != 1 {
			t.Errorf("%d visits began", visits)
		}
		if told := v.activities(t); len(told) != 1 {
			t.Errorf("told: %q", told)
		}
	})
}

// TestEndsOfVisits: each end is told to the tenant, once.
func TestEndsOfVisits(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		ctx := context.Background()
		for name, end := range map[string]struct {
			do   func(who operators.Identity, cookie string) error
			told string
		}{
			"left": {func(_ operators.Identity, cookie string) error {
				if r := v.ask(t, "POST", "acme", "/leave", "", cookie); r.Code != http.StatusSeeOther || !strings.Contains(r.Header().Get("Set-Cookie"), "visit=;") {
					return fmt.Errorf("%d %v", r.Code, r.Header())
				}
				return nil
			}, "they left"},
			"over": {func(operators.Identity, string) error {
				v.change(t, "expires_at", time.Now().Add(-time.Second))
				return nil
			}, "its time was over"},
			"removed": {func(operators.Identity, string) error { return v.accounts.Remove(ctx, "ada", "root") }, "they may not enter any more"},
			"viewer": {func(operators.Identity, string) error {
				return v.accounts.SetRole(ctx, "ada", operators.Viewer, "root")
			}, "they may not enter any more"},
			"revoked": {func(who operators.Identity, _ string) error {
				return v.accounts.Revoke(ctx, "ada", who.TokenID, "root")
			}, "they may not enter any more"},
			"suspended": {func(operators.Identity, string) error {
				if _, err := v.env.Lifecycle.Suspend(ctx, "test", "acme"); err != nil {
					return err
				}
				_, err := v.env.Lifecycle.Resume(ctx, "test", "acme")
				return err
			}, "the tenant was suspended or archived"},
			"address": {func(operators.Identity, string) error {
				v.update(t, func(tx *gorm.DB) error {
					return tx.Model(&models.User{ID: adminID}).Update("email", "other@acme.test").Error
				})
				return nil
			}, ""},
		} {
			who := v.ada(t)
			cookie, link := v.visit(t, who, false), v.link(t, who, false)
			if !v.stands(t, cookie) {
				t.Fatalf("%s: no visit", name)
			}
			if err := end.do(who, cookie); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if v.stands(t, cookie) {
				t.Errorf("%s: the visit goes on", name)
			}
			if cookie, _ := v.open(t, "acme", link); cookie != "" && name != "left" {
				t.Errorf("%s: a link from before works", name)
			}
			v.change(t, "expires_at", time.Now().Add(-time.Second))
			for range 2 {
				if err := v.api.accounts.TellEnds(ctx); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			want := "system: ended the visit of operator ada as admin@acme.test: "
			told := 0
			for _, line := range v.activities(t) {
				if strings.HasPrefix(line, want) && strings.HasSuffix(line, end.told) {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%s: told %d times: %q", name, told, v.activities(t))
			}
			v.update(t, func(tx *gorm.DB) error {
				return tx.Model(&models.User{ID: adminID}).Update("email", "admin@acme.test").Error
			})
			_ = v.accounts.Remove(ctx, "ada", "root") // unless it is
			v.update(t, func(tx *gorm.DB) error { return tx.Where("1 = 1").Delete(&models.Activity{}).Error })
		}
	})
}

// TestOneVisitInABrowser: a visit ends when another one begins in the same browser, which has no more cookie for it.
func TestOneVisitInABrowser(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		elsewhere, first := v.visit(t, owner, false), v.visit(t, owner, false)
		r := v.ask(t, "POST", "acme", "/enter", url.Values{"token": {v.link(t, owner, true)}}.Encode(), first)
		cookies := r.Result().Cookies()
		if r.Code != http.StatusSeeOther || len(cookies) != 1 {
			t.Fatalf("%d %v", r.Code, r.Header())
		}
		if second := "visit=" + cookies[0].Value; v.stands(t, first) || !v.stands(t, second) || !v.stands(t, elsewhere) {
			t.Error("the first visit goes on, or the others don't")
		}
		if told := v.activities(t); len(told) != 4 || told[0] != "system: ended the visit of an operator as admin@acme.test: they left" {
			t.Errorf("told: %q", told)
		}
	})
}

// TestEndsThatCannotBeTold: a tenant that can't be told of many visits is tried once at a time, and keeps no other one waiting.
func TestEndsThatCannotBeTold(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		cookie := v.visit(t, owner, false)
		if r := v.ask(t, "GET", "acme", "/api/me", "", cookie); r.Code != http.StatusOK {
			t.Fatal(r.Code)
		}
		away, now := v.env.Tenant(t, "globex"), time.Now().UTC()
		err := v.store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			for i := range 150 {
				visit := tenants.Visit{
					ID: fmt.Sprintf("%026d", i), TenantID: away.ID, Operator: "ada", UserID: 1, Email: "a@b.test", Reason: "why", SessionDigest: fmt.Appendf(nil, "%032d", i),
					LinkExpiresAt: now, CreatedAt: now, ExpiresAt: now.Add(-time.Second),
				}
				if err := tx.Create(&visit).Error; err != nil {
					return err
				}
			}
			return tx.Model(away).Updates(map[string]any{"state": tenants.StateMaintenance, "read_only": true}).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		v.change(t, "expires_at", now.Add(-time.Second))
		for range 20 { // each takes up some of them
			err := v.api.accounts.TellEnds(t.Context())
			if err == nil || strings.Count(err.Error(), away.ID) != 1 {
				t.Fatalf("not told once: %v", err)
			}
			if len(v.activities(t)) == 2 {
				return
			}
		}
		t.Errorf("told: %q", v.activities(t))
	})
}

// TestWhoEnters: viewers don't, nor operators without an account, nor is there a visit without a reason or a person.
func TestWhoEnters(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		gone := v.ada(t)
		if err := v.accounts.Remove(t.Context(), "ada", "root"); err != nil {
			t.Fatal(err)
		}
		lowered := v.ada(t)
		if err := v.accounts.SetRole(t.Context(), "ada", operators.Viewer, "root"); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			who                  operators.Identity
			tenant, user, reason string
		}{
			"removed":   {gone, "acme", "admin@acme.test", "why"},
			"viewer":    {lowered, "acme", "admin@acme.test", "why"},
			"anybody":   {operators.Identity{}, "acme", "admin@acme.test", "why"},
			"no reason": {owner, "acme", "admin@acme.test", " "},
			"long":      {owner, "acme", "admin@acme.test", strings.Repeat("x", 201)},
			"lines":     {owner, "acme", "admin@acme.test", "a\nb"},
			"stranger":  {owner, "acme", "eve@acme.test", "why"},
			"no tenant": {owner, "nope", "admin@acme.test", "why"},
		} {
			_, err := v.api.accounts.LetIn(t.Context(), v.env.Lifecycle, "test", test.who, test.tenant, lifecycle.Entry{Email: test.user, Reason: test.reason})
			if err == nil {
				t.Errorf("%s entered", name)
			}
		}
		made, _, err := v.env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Kind: tenants.KindEnter}, "", 10)
		if err != nil || len(made) > 0 {
			t.Errorf("the ledger has %+v, %v", made, err)
		}
		v.visit(t, owner, true)
		made, _, err = v.env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Kind: tenants.KindEnter}, "", 10)
		if err != nil || len(made) != 1 || made[0].State != tenants.OperationDone || made[0].Params != `{"to":"write","email":"admin@acme.test","reason":"a \u003cb\u003ebroken\u003c/b\u003e board"}` {
			t.Errorf("the ledger has %+v, %v", made, err)
		}
	})
}

// The ways in which routes treat visits.
const (
	visitReads = "reads"        // both kinds of visits may
	visitOut   = "out-of-reach" // neither may
	visitWrite = "reading-only" // only visits that write may
	visitOpen  = "open"         // the route asks nobody who they are
)

// visitRoutes says what an operator's visit may do at each route of the public listener. Who adds a route decides it here.
var visitRoutes = map[string]string{
	"GET /assets/:file": visitOpen, "GET /sign-in": visitOpen, "POST /sign-in": visitOpen, "GET /invitation": visitOpen, "POST /invitation": visitOpen,
	"GET /enter": visitOpen, "POST /enter": visitOpen, "POST /leave": visitOpen, "GET /password-reset": visitOpen, "POST /password-reset": visitOpen,
	"POST /api/session": visitOpen, "POST /api/invitation": visitOpen, "POST /api/password-reset": visitOpen,

	"POST /api/me/password": visitOut, "DELETE /api/session": visitOut, "GET /api/sessions": visitOut, "DELETE /api/sessions/:id": visitOut,
	"GET /api/tokens": visitOut, "POST /api/tokens": visitOut, "DELETE /api/tokens/:id": visitOut, "GET /api/me/mail": visitOut, "PATCH /api/me/mail": visitOut,
	"POST /api/users": visitOut, "PATCH /api/users/:id": visitOut, "DELETE /api/users/:id": visitOut, "POST /api/users/:id/invitation": visitOut,
	"GET /account": visitOut, "POST /account": visitOut, "GET /account/password": visitOut, "POST /account/password": visitOut, "POST /account/export": visitOut,
	"GET /account/tokens": visitOut, "POST /account/tokens": visitOut, "POST /account/tokens/:id/delete": visitOut, "POST /account/sessions/:id/delete": visitOut,
	"POST /account/mail": visitOut, "POST /sign-out": visitOut,
	"POST /people": visitOut, "POST /people/:id": visitOut, "POST /people/:id/invitation": visitOut, "POST /people/:id/delete": visitOut,

	"GET /api/me": visitReads, "GET /api/users": visitReads, "GET /api/users/:id": visitReads, "GET /api/activity": visitReads,
	"GET /api/projects": visitReads, "GET /api/projects/:id": visitReads, "GET /api/projects/:id/tasks": visitReads, "GET /api/tasks/:id": visitReads,
	"GET /api/tasks/:id/comments": visitReads, "GET /api/tasks/:id/attachments": visitReads, "GET /api/attachments/:id": visitReads,
	"GET /": visitReads, "GET /people": visitReads, "GET /activity": visitReads, "GET /projects/:id": visitReads, "GET /projects/:id/edit": visitReads,
	"GET /projects/:id/import": visitReads, "GET /tasks/:id": visitReads, "GET /attachments/:id": visitReads,

	"POST /api/projects": visitWrite, "PATCH /api/projects/:id": visitWrite, "DELETE /api/projects/:id": visitWrite, "POST /api/projects/:id/tasks": visitWrite,
	"POST /api/projects/:id/tasks/import": visitWrite, "PATCH /api/tasks/:id": visitWrite, "DELETE /api/tasks/:id": visitWrite,
	"POST /api/tasks/:id/comments": visitWrite, "DELETE /api/comments/:id": visitWrite, "POST /api/tasks/:id/attachments": visitWrite,
	"DELETE /api/attachments/:id": visitWrite,
	"POST /projects":              visitWrite, "POST /projects/:id": visitWrite, "POST /projects/:id/delete": visitWrite, "POST /projects/:id/tasks": visitWrite,
	"POST /projects/:id/import": visitWrite, "POST /tasks/:id": visitWrite, "POST /tasks/:id/move": visitWrite, "POST /tasks/:id/delete": visitWrite,
	"POST /tasks/:id/comments": visitWrite, "POST /comments/:id/delete": visitWrite, "POST /tasks/:id/attachments": visitWrite, "POST /attachments/:id/delete": visitWrite,
}

// TestVisitsAtEveryRoute sends requests of visits to each route. A visit that only reads changes nothing anywhere.
func TestVisitsAtEveryRoute(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		v.api.accounts = v.newAccounts(quickHasher(), true)
		v.mount(t)
		project := v.create(t, "/api/projects", `{"name":"Anvils"}`)
		task := v.create(t, fmt.Sprintf("/api/projects/%d/tasks", project), `{"title":"Forge"}`)
		reading, writing := v.visit(t, owner, false), v.visit(t, owner, true)
		before := v.dump(t)
		for _, route := range v.router.Routes() {
			name := route.Method + " " + route.Path
			if route.Method == http.MethodHead {
				continue
			}
			want, listed := visitRoutes[name]
			if !listed {
				t.Errorf("%s is not in visitRoutes: say there what an operator's visit may do", name)
				continue
			}
			id := project
			if strings.Contains(route.Path, "/tasks/:id") {
				id = task
			}
			path := strings.NewReplacer(":id", fmt.Sprint(id), ":file", "style.css").Replace(route.Path)
			if want == visitOpen {
				continue
			}
			v.expectVisit(t, want, route.Method, path, reading, want == visitReads)
			if after := v.dump(t); !reflect.DeepEqual(before, after) {
				t.Fatalf("%s on a visit that only reads changed something", name)
			}
			if want != visitWrite { // or it would be gone for the next ones
				v.expectVisit(t, want, route.Method, path, writing, want == visitReads)
			}
		}
		for name, want := range visitRoutes {
			method, path, _ := strings.Cut(name, " ")
			if want == visitWrite {
				v.expectVisit(t, want, method, strings.ReplaceAll(path, ":id", "999999"), writing, true)
			}
		}
	})
}

// expectVisit sends a request of a visit, and expects that it passes or is refused for a reason.
func (v *visited) expectVisit(t *testing.T, why, method, path, cookie string, passes bool) {
	t.Helper()
	body := ""
	if method != http.MethodGet && method != http.MethodDelete {
		body = "password=" + strings.ReplaceAll(password, " ", "+")
	}
	r := v.ask(t, method, "acme", path, body, cookie)
	refused := r.Code == http.StatusForbidden && strings.Contains(r.Body.String(), "problem:"+why+`"`)
	if refused == passes || passes && (r.Code == http.StatusForbidden || r.Code == http.StatusUnauthorized || r.Code >= 500) {
		t.Errorf("%s %s: %d %.200s", method, path, r.Code, r.Body)
	}
}

// TestReadingVisitsCannotWrite: the engine refuses, whatever a route does, also below GET.
func TestReadingVisitsCannotWrite(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		store := func(tx *gorm.DB) error { return tx.Create(&models.Project{Name: "Smuggled"}).Error }
		v.routes.GET("/smuggles", func(c *gin.Context) {
			if err := store(web.Tx(c)); err != nil {
				_ = c.Error(err)
			}
		})
		v.router.GET("/api/smuggles-apart", v.public.Resolve, v.api.accounts.Present(), func(c *gin.Context) {
			if err := v.store.Update(c.Request.Context(), v.tenant, store); err != nil {
				_ = c.Error(err)
			}
		})
		v.router.GET("/api/unguarded", v.public.Resolve, v.public.Requests.Scoped(web.ScopeOptions{}), v.api.accounts.Authenticate(), func(c *gin.Context) { c.Status(204) })
		reading, writing := v.visit(t, owner, false), v.visit(t, owner, true)
		for path, status := range map[string]int{"/api/smuggles": 500, "/api/smuggles-apart": 403, "/api/unguarded": 403} {
			if r := v.ask(t, "GET", "acme", path, "", reading); r.Code != status {
				t.Errorf("%s: %d %s", path, r.Code, r.Body)
			}
		}
		v.view(t, func(tx *gorm.DB) error {
			var found int64
			if err := tx.Model(&models.Project{}).Count(&found).Error; err != nil || found > 0 {
				t.Errorf("%d projects, %v", found, err)
			}
			return nil
		})
		if r := v.ask(t, "GET", "acme", "/api/smuggles-apart", "", writing); r.Code != 200 {
			t.Errorf("a visit that writes: %d %s", r.Code, r.Body)
		}
	})
}

// TestWritesOfVisits: what an operator does is the person's, and said to be the operator's.
func TestWritesOfVisits(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		cookie := v.visit(t, v.ada(t), true)
		if r := v.ask(t, "POST", "acme", "/projects", "name=Anvils", cookie); r.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		told := v.activities(t)
		if len(told) != 2 || told[0] != "Admin: created project “Anvils” (by operator ada, on their behalf)" || !strings.Contains(told[1], "let operator ada in as admin@acme.test, reading and writing, until ") {
			t.Errorf("%q", told)
		}
		request := httptest.NewRequest("POST", "/projects", strings.NewReader("name=Elsewhere"))
		request.Host = "acme.localhost:8080"
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Cookie", cookie)
		request.Header.Set("Origin", "http://globex.localhost:8080")
		reply := httptest.NewRecorder()
		if v.router.ServeHTTP(reply, request); reply.Code != http.StatusForbidden {
			t.Errorf("from another tenant's page: %d", reply.Code)
		}
	})
}

// TestPagesOfOtherVisits: what is sent from a page that was loaded before a visit began in another tab, or on a visit that is
// over or was left there, is not done as another person than the page says.
func TestPagesOfOtherVisits(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		own := "session=" + v.member
		page := regexp.MustCompile(`<main [^>]*hx-headers='{"Tenantry-Visit":"(\w{26})"}'`)
		enter := func() (cookies, header string) {
			cookie := v.visit(t, owner, true)
			found := page.FindStringSubmatch(v.ask(t, "GET", "acme", "/", "", cookie).Body.String())
			if found == nil {
				t.Fatal("the page doesn't have the visit's id")
			}
			return own + "; " + cookie, found[1]
		}
		first, firstID := enter()
		second, secondID := enter()
		if page.MatchString(v.ask(t, "GET", "acme", "/", "", own).Body.String()) {
			t.Error("a page of no visit has one's id")
		}
		for name, test := range map[string]struct {
			cookies, header string
			status          int
		}{
			"of the visit": {first, firstID, http.StatusSeeOther}, "of a session": {own, "", http.StatusSeeOther},
			"before the visit": {first, "", http.StatusConflict}, "after the visit": {own, firstID, http.StatusConflict},
			"of another visit": {second, firstID, http.StatusConflict}, "of the other one": {second, secondID, http.StatusSeeOther},
		} {
			request := httptest.NewRequest("POST", "/projects", strings.NewReader(url.Values{"name": {name}}.Encode()))
			request.Host = "acme.localhost:8080"
			request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {test.cookies}, "Hx-Request": {"true"}}
			if test.header != "" {
				request.Header.Set("Tenantry-Visit", test.header)
			}
			reply := httptest.NewRecorder()
			if v.router.ServeHTTP(reply, request); reply.Code != test.status {
				t.Errorf("%s: %d %.300s", name, reply.Code, reply.Body)
			}
		}
		_, reply := v.open(t, "acme", v.link(t, owner, false))
		for _, c := range reply.Result().Cookies() {
			if c.MaxAge < 3600 {
				t.Errorf("the cookie is gone %d seconds after the link was used, and forms on the visit's pages are sent in a session", c.MaxAge)
			}
		}
	})
}

// lateBody is a body that comes after something was done.
type lateBody struct {
	io.Reader
	before func()
}

func (b *lateBody) Read(p []byte) (int, error) {
	if b.before != nil {
		b.before()
		b.before = nil
	}
	return b.Reader.Read(p)
}

// TestVisitsThatEndWhileABodyComes store nothing of it.
func TestVisitsThatEndWhileABodyComes(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		project := v.create(t, "/api/projects", `{"name":"Anvils"}`)
		task := v.create(t, fmt.Sprintf("/api/projects/%d/tasks", project), `{"title":"Forge"}`)
		ends := map[string]func(cookie string){
			"left":    func(cookie string) { v.ask(t, "POST", "acme", "/leave", "", cookie) },
			"over":    func(string) { v.change(t, "expires_at", time.Now().Add(-time.Second)) },
			"removed": func(string) { _ = v.accounts.Remove(t.Context(), "ada", "root") },
		}
		for path, body := range map[string]struct{ media, text string }{
			"/projects":     {"application/x-www-form-urlencoded", "name=Late"},
			"/api/projects": {"application/json", `{"name":"Late"}`},
			fmt.Sprintf("/api/projects/%d/tasks/import", project):        {"text/csv", "title\nLate\n"},
			fmt.Sprintf("/api/tasks/%d/attachments?name=late.txt", task): {"text/plain", "late"},
		} {
			for name, end := range ends {
				cookie := v.visit(t, v.ada(t), true)
				var before *content
				request := httptest.NewRequest("POST", path, &lateBody{strings.NewReader(body.text), func() { end(cookie); now := v.dump(t); before = &now }})
				request.Host, request.ContentLength = "acme.localhost:8080", int64(len(body.text))
				request.Header.Set("Content-Type", body.media)
				request.Header.Set("Cookie", cookie)
				reply := httptest.NewRecorder()
				v.router.ServeHTTP(reply, request)
				if reply.Code != http.StatusUnauthorized {
					t.Errorf("%s, %s: %d %v %.200s", path, name, reply.Code, reply.Header(), reply.Body)
				}
				if after := v.dump(t); before == nil || !reflect.DeepEqual(*before, after) {
					t.Errorf("%s, %s: something was stored", path, name)
				}
				_ = v.accounts.Remove(t.Context(), "ada", "root") // unless it is
			}
		}
	})
}

// TestVisitsWhenTheMasterHangs: requests with the cookie of a visit, which strangers can make up, are refused soon, pages for all
// are shown, and however many they are, tenants are found meanwhile.
func TestVisitsWhenTheMasterHangs(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		if v.store.Master().Dialect() == "sqlite" {
			return // no reader ever waits there
		}
		v.env.Tenant(t, "globex") // has not been looked up
		cookie := v.visit(t, owner, false)
		err := v.store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE").Error; err != nil {
				return err
			}
			var asked, asking sync.WaitGroup
			var answered atomic.Int64
			for i, path := range slices.Repeat([]string{"/api/me", "/", "/sign-in"}, 10) {
				asking.Add(1)
				asked.Go(func() {
					asking.Done()
					if r := v.ask(t, "GET", "acme", path, "", cookie); r.Code != 503 && (i%3 != 2 || r.Code != 200) {
						t.Errorf("%s: %d %.200s", path, r.Code, r.Body)
					}
					answered.Add(1)
				})
			}
			asking.Wait()
			if r := v.ask(t, "GET", "globex", "/sign-in", "", ""); r.Code != 200 || answered.Load() > 0 {
				t.Errorf("another tenant: %d after %d of the requests", r.Code, answered.Load())
			}
			asked.Wait()
			return nil
		})
		if err != nil || !v.stands(t, cookie) {
			t.Errorf("the visit doesn't go on, %v", err)
		}
	})
}

// TestVisitCookie: the visit comes before a session, also when it is over, so that nothing is done as another person than
// the page said; a bearer token comes before the visit.
func TestVisitCookie(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		cookie := v.visit(t, owner, false)
		both := "session=" + v.member + "; " + cookie
		for cookies, want := range map[string]string{
			both: "admin@acme.test", "session=" + v.member: "member@acme.test", "visit=; session=" + v.member: "Not signed in",
			both + "; visit=x": "Not signed in", "visit=" + v.admin: "Not signed in", "session=" + strings.TrimPrefix(cookie, "visit="): "Not signed in",
		} {
			if r := v.ask(t, "GET", "acme", "/api/me", "", cookies); !strings.Contains(r.Body.String(), want) {
				t.Errorf("%.12s…: %d %s", cookies, r.Code, r.Body)
			}
		}
		if r := v.send(t, "GET", "/api/me", "", "Authorization", "Bearer "+v.member, "Cookie", cookie); !strings.Contains(r.Body.String(), "member@acme.test") {
			t.Errorf("with a bearer token: %s", r.Body)
		}
		if r := v.send(t, "GET", "/api/me", "", "Authorization", "Bearer "+strings.TrimPrefix(cookie, "visit=")); r.Code != http.StatusUnauthorized {
			t.Errorf("a visit as a bearer token: %d", r.Code)
		}
		v.change(t, "expires_at", time.Now().Add(-time.Second))
		r := v.ask(t, "GET", "acme", "/api/me", "", both)
		if r.Code != http.StatusUnauthorized || !strings.Contains(r.Header().Get("Set-Cookie"), "visit=;") {
			t.Errorf("after its time: %d %v", r.Code, r.Header())
		}
		request := httptest.NewRequest("GET", "/people", nil)
		request.Host = "acme.localhost:8080"
		request.Header = http.Header{"Accept": {"text/html"}, "Cookie": {both}}
		page := httptest.NewRecorder()
		if v.router.ServeHTTP(page, request); page.Code != http.StatusUnauthorized || !strings.Contains(page.Body.String(), "This visit is over") {
			t.Errorf("a page after its time: %d %v, and who has a session is not to sign in", page.Code, page.Header())
		}
	})
}

// TestEveryPageTellsOfTheVisit, also pages about errors.
func TestEveryPageTellsOfTheVisit(t *testing.T) {
	t.Parallel()
	eachVisited(t, func(t *testing.T, v *visited) {
		project := v.create(t, "/api/projects", `{"name":"Anvils"}`)
		task := v.create(t, fmt.Sprintf("/api/projects/%d/tasks", project), `{"title":"Forge"}`)
		cookie := v.visit(t, v.ada(t), false)
		for name, want := range visitRoutes {
			method, path, _ := strings.Cut(name, " ")
			if method != http.MethodGet || strings.HasPrefix(path, "/api/") || want == visitOpen || strings.HasPrefix(path, "/attachments") {
				continue
			}
			id := project
			if strings.HasPrefix(path, "/tasks") {
				id = task
			}
			request := httptest.NewRequest(method, strings.ReplaceAll(path, ":id", fmt.Sprint(id)), nil)
			request.Host = "acme.localhost:8080"
			request.Header.Set("Cookie", cookie)
			request.Header.Set("Accept", "text/html")
			reply := httptest.NewRecorder()
			v.router.ServeHTTP(reply, request)
			page := reply.Body.String()
			if !strings.Contains(page, `action="/leave"`) || !strings.Contains(page, "ada is here as admin@acme.test, reading only") || !strings.Contains(page, "a &lt;b&gt;broken") {
				t.Errorf("%s: %d %s", name, reply.Code, page)
			}
		}
		if r := v.ask(t, "GET", "acme", "/", "", "session="+v.member); strings.Contains(r.Body.String(), `action="/leave"`) {
			t.Error("a member's page tells of a visit")
		}
	})
}
