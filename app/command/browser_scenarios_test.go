package command

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// workspace is a server with a tenant for a test of its own, signed in to as its
// admin, with a project of the tasks on the board.
func workspace(t *testing.T, browser context.Context, titles ...string) (*server, *tab) {
	t.Helper()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Office"}`)
	for _, title := range titles {
		srv.post(t, "acme", "/api/projects/1/tasks", fmt.Sprintf(`{"title":%q}`, title))
	}
	b := srv.open(t, browser)
	b.signIn(t, "acme", admin("acme"))
	b.visit(t, "acme", "/projects/1")
	return srv, b
}

// twoTenants signs in at two tenants in one profile: at each one is who one is
// there, and signing out of one is not signing out of the other.
func twoTenants(t *testing.T, browser context.Context) {
	s := newSQLite(t)
	s.create(t, "acme", "--name=Acme")
	s.create(t, "globex", "--name=Globex")
	srv := s.serve(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
	srv.post(t, "globex", "/api/projects", `{"name":"Domes"}`)
	b := srv.open(t, browser)
	b.signIn(t, "acme", admin("acme"))
	b.visit(t, "globex", "/")
	b.says(t, "h1", "Sign in to Globex")
	b.signIn(t, "globex", admin("globex"))
	b.says(t, ".project-name", "Domes")
	b.visit(t, "acme", "/")
	b.says(t, ".project-name", "Anvils")
	b.says(t, ".brand", "Acme")
	if eval[string](t, b, "document.cookie") != "" {
		t.Error("scripts can read the session")
	}
	acme := eval[string](t, b, "getComputedStyle(document.querySelector('.mark')).backgroundColor + document.documentElement.className")
	b.do(t, chromedp.Click(".me button", chromedp.ByQuery), chromedp.WaitVisible("#sign-in-email", chromedp.ByQuery))
	b.visit(t, "globex", "/")
	b.says(t, ".project-name", "Domes")
	if acme == "" || eval[bool](t, b, "document.body.innerText.includes('Anvils')") {
		t.Error("globex shows what is acme's")
	}
	b.visit(t, "acme", "/activity")
	b.says(t, "h1", "Sign in to Acme")
	b.do(t, chromedp.SendKeys("#sign-in-email", admin("acme"), chromedp.ByQuery), chromedp.SendKeys("#sign-in-password", password+"\r", chromedp.ByQuery))
	b.says(t, "h1", "Activity") // back to where one was going
}

// boardInABrowser makes, moves and finishes tasks, with buttons and by dragging.
func boardInABrowser(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser, "Order chairs", "Order desks", "Order lamps")
	b.expectColumn(t, "todo", "Order chairs", "Order desks", "Order lamps")
	b.do(t, chromedp.Evaluate("document.body.dataset.same = 'page'", nil))
	b.do(t, chromedp.SendKeys("#new-task-title", "Measure the room\r", chromedp.ByQuery))
	b.expectColumn(t, "todo", "Measure the room", "Order chairs", "Order desks", "Order lamps")
	b.do(t, chromedp.Click("#r1", chromedp.ByQuery))
	b.expectColumn(t, "doing", "Order chairs")
	b.do(t, chromedp.Click("#d2", chromedp.ByQuery))
	b.expectColumn(t, "todo", "Measure the room", "Order lamps", "Order desks")
	b.drag(t, "#t3", "#cards-doing", 0.9)
	b.expectColumn(t, "doing", "Order chairs", "Order lamps")
	b.drag(t, "#t3", "#t1", 0.1)
	b.expectColumn(t, "doing", "Order lamps", "Order chairs")
	b.drag(t, "#t1", "#cards-done", 0.5)
	b.expectColumn(t, "done", "Order chairs")
	b.says(t, ".progress", "1 of 4 done")
	if !eval[bool](t, b, "document.body.dataset.same === 'page'") {
		t.Error("the page was loaded anew")
	}
	b.visit(t, "acme", "/projects/1")
	b.expectColumn(t, "todo", "Measure the room", "Order desks")
	b.expectColumn(t, "doing", "Order lamps")
	b.expectColumn(t, "done", "Order chairs")

	b.do(t, chromedp.Click("#n1", chromedp.ByQuery), chromedp.WaitVisible("#comment-body", chromedp.ByQuery),
		chromedp.SendKeys("#comment-body", "They came <b>today</b>", chromedp.ByQuery), chromedp.Click("#comment button", chromedp.ByQuery))
	b.says(t, ".comments", "They came <b>today</b>")
	b.do(t, chromedp.Click(".comments form button", chromedp.ByQuery))
	b.says(t, "#comments", "Nobody has said anything yet")
	srv.visitsBoard(t, b)
}

// offline stops the server while a user works: the page says so, and shows what
// is stored.
func offline(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser, "Order chairs", "Order desks")
	srv.stop(t)
	b.expect("ERR_CONNECTION_REFUSED", "htmx:sendError", "htmx:afterRequest")
	b.do(t, chromedp.SendKeys("#new-task-title", "Measure the room\r", chromedp.ByQuery))
	b.says(t, "#alert", "There is no connection")
	if got := eval[string](t, b, "document.querySelector('#new-task-title').value"); got != "Measure the room" {
		t.Errorf("what was typed is gone: %q", got)
	}
	b.drag(t, "#t1", "#cards-done", 0.5)
	b.expectColumn(t, "todo", "Order chairs", "Order desks")
	b.expectColumn(t, "done")
}

// drag drags an element to a height of another, from 0 at its top to 1.
func (b *tab) drag(t *testing.T, from, to string, height float64) {
	t.Helper()
	point := func(selector string, height float64) []float64 {
		return eval[[]float64](t, b, fmt.Sprintf("(e => { const r = e.getBoundingClientRect(); return [r.left + r.width - 30, r.top + r.height * %f] })(document.querySelector(%q))", height, selector))
	}
	a, z := point(from, 0.3), point(to, height)
	grabbed := make(chan *input.DragData, 1)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*input.EventDragIntercepted); ok {
			grabbed <- e.Data
		}
	})
	b.do(t, input.SetInterceptDrags(true), input.DispatchMouseEvent(input.MouseMoved, a[0], a[1]))
	b.until(t, fmt.Sprintf("document.querySelector(%q).draggable", from))
	b.do(t, input.DispatchMouseEvent(input.MousePressed, a[0], a[1]).WithButton(input.Left).WithClickCount(1),
		input.DispatchMouseEvent(input.MouseMoved, a[0]-15, a[1]+5).WithButton(input.Left))
	select {
	case data := <-grabbed:
		b.do(t, input.DispatchDragEvent(input.DragEnter, z[0], z[1], data))
		for range 2 { // the page says to the first whether it may be dropped there
			b.do(t, input.DispatchDragEvent(input.DragOver, z[0], z[1], data))
			b.settle(t)
		}
		b.do(t, input.DispatchDragEvent(input.Drop, z[0], z[1], data), input.DispatchMouseEvent(input.MouseReleased, z[0], z[1]).WithButton(input.Left))
	case <-b.ctx.Done():
		t.Fatalf("%s can't be dragged", from)
	}
	b.do(t, input.SetInterceptDrags(false))
}

// member sees no admin's actions and is refused their routes.
func member(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser)
	b.visit(t, "acme", "/people")
	b.do(t, chromedp.Click(".fold summary", chromedp.ByQuery), chromedp.SendKeys("#invite-name", "Ben", chromedp.ByQuery),
		chromedp.SendKeys("#invite-email", "ben@acme.example", chromedp.ByQuery),
		chromedp.SendKeys("#invite-password", password, chromedp.ByQuery), chromedp.Click("#invite button", chromedp.ByQuery))
	b.says(t, "h2", "Send this link to Ben")
	link := eval[string](t, b, "document.querySelector('.secret').innerText")
	b.picture(t, "invitation-link")

	other := srv.open(t, browser)
	other.do(t, chromedp.Navigate(link), chromedp.SendKeys("#invitation-password", password+"\r", chromedp.ByQuery), chromedp.WaitVisible("nav.nav", chromedp.ByQuery))
	other.visit(t, "acme", "/people")
	other.says(t, ".who", "ben@acme.example")
	if eval[int](t, other, "document.querySelectorAll('main form, main button, main summary').length") != 0 {
		t.Errorf("a member sees actions: %s", eval[string](t, other, "document.querySelector('main').innerHTML"))
	}
	other.expect("403")
	status := "fetch(%q, {method: 'POST', body: new URLSearchParams({name: 'Eve', email: 'eve@acme.example', role: 'admin'})}).then(r => r.status)"
	for _, path := range []string{"/people", "/people/1", "/people/1/delete", "/people/1/invitation"} {
		var got int
		other.do(t, chromedp.Evaluate(fmt.Sprintf(status, path), &got, awaited))
		if got != 403 {
			t.Errorf("%s: %d", path, got)
		}
	}
}

// conflict has two browsers change one task: the later one sees both versions,
// and decides.
func conflict(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser, "Order chairs")
	other := srv.open(t, browser)
	other.signIn(t, "acme", admin("acme"))
	retitle := func(b *tab, title string) {
		b.do(t, chromedp.SetValue("#task-title", title, chromedp.ByQuery), chromedp.Click("#task .primary", chromedp.ByQuery))
	}
	b.visit(t, "acme", "/tasks/1")
	other.visit(t, "acme", "/tasks/1")
	retitle(b, "Order six chairs")
	b.says(t, "#task-details", "Saved.")
	other.expect("409")
	retitle(other, "Order oak chairs")
	other.says(t, ".compare", "Order six chairs")
	other.says(t, ".compare", "Order oak chairs")
	other.picture(t, "conflict")
	b.visit(t, "acme", "/projects/1")
	b.expectColumn(t, "todo", "Order six chairs") // nothing is overwritten
	other.do(t, chromedp.Click("#task .primary", chromedp.ByQuery))
	other.says(t, "h1", "Order oak chairs")
	other.until(t, "!document.querySelector('.compare')")
}

// keyboard does with keys alone what boardInABrowser does with a mouse.
func keyboard(t *testing.T, browser context.Context) {
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	b := srv.open(t, browser)
	b.visit(t, "acme", "/")
	b.until(t, "document.activeElement.id === 'sign-in-email'")
	b.keys(t, admin("acme"), kb.Tab, password, kb.Enter)
	b.says(t, "h1", "Projects")
	b.keys(t, kb.Tab)
	b.until(t, "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().top >= 0")
	b.keys(t, kb.Enter)
	b.until(t, "document.activeElement.id === 'main'")
	b.tabTo(t, "document.activeElement.matches('.fold summary')")
	b.keys(t, kb.Enter, kb.Tab, "Office", kb.Enter)
	b.says(t, "h1", "Office")
	b.tabTo(t, "document.activeElement.id === 'new-task-title'")
	b.keys(t, "Order chairs", kb.Enter)
	b.expectColumn(t, "todo", "Order chairs")
	b.until(t, "document.activeElement.id === 'new-task-title'") // to type the next one
	b.keys(t, "Order desks", kb.Enter)
	b.expectColumn(t, "todo", "Order desks", "Order chairs")
	b.tabTo(t, "document.activeElement.id === 'd2'")
	b.keys(t, kb.Enter)
	b.expectColumn(t, "todo", "Order chairs", "Order desks")
	b.until(t, "document.activeElement.id === 'd2'") // the focus goes with the card
	b.keys(t, kb.Tab, kb.Enter)
	b.expectColumn(t, "doing", "Order desks")
	b.until(t, "document.activeElement.id === 'r2' && document.getElementById('said').textContent.startsWith('Order desks: Doing')")
	b.keys(t, kb.Enter)
	b.expectColumn(t, "done", "Order desks")
	b.until(t, "document.activeElement.closest('#t2')") // there is no such button there
	if outline := eval[string](t, b, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
		t.Error("the focus can't be seen")
	}
}

// keys types, key by key, wherever the focus is.
func (b *tab) keys(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		b.do(t, chromedp.KeyEvent(text))
	}
}

// tabTo presses the tab key until the expression is true.
func (b *tab) tabTo(t *testing.T, expression string) {
	t.Helper()
	for range 60 {
		b.keys(t, kb.Tab)
		if eval[bool](t, b, expression) {
			return
		}
	}
	t.Fatalf("the tab key doesn't lead to where %s", expression)
}

// withoutScripts does the same in a browser that runs none.
func withoutScripts(t *testing.T, browser context.Context) {
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	b := srv.open(t, browser)
	b.do(t, emulation.SetScriptExecutionDisabled(true))
	b.do(t, chromedp.Navigate(b.url("acme", "/")), chromedp.WaitVisible("#sign-in-email", chromedp.ByQuery),
		chromedp.SendKeys("#sign-in-email", admin("acme"), chromedp.ByQuery), chromedp.SendKeys("#sign-in-password", password+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(".fold summary", chromedp.ByQuery), chromedp.Click(".fold summary", chromedp.ByQuery),
		chromedp.SendKeys("#new-project-name", "Office\r", chromedp.ByQuery),
		chromedp.WaitVisible("#new-task-title", chromedp.ByQuery), chromedp.SendKeys("#new-task-title", "Order chairs\r", chromedp.ByQuery),
		chromedp.WaitVisible("#t1", chromedp.ByQuery), chromedp.Click("#r1", chromedp.ByQuery),
		chromedp.WaitVisible("#cards-doing #t1", chromedp.ByQuery), chromedp.Click("#r1", chromedp.ByQuery),
		chromedp.WaitVisible("#cards-done #t1", chromedp.ByQuery), chromedp.Click("#n1", chromedp.ByQuery),
		chromedp.WaitVisible("#comment-body", chromedp.ByQuery), chromedp.SendKeys("#comment-body", "They came today", chromedp.ByQuery),
		chromedp.Click("#comment button", chromedp.ByQuery), chromedp.WaitVisible(".comments li", chromedp.ByQuery))
	if r := srv.get(t, "acme", "/api/tasks/1"); !strings.Contains(r.body, `"title":"Order chairs","status":"done"`) {
		t.Errorf("stored %s", r.body)
	}
}

// apexInABrowser goes from the base domain to a workspace, which the content
// policy must let the form do.
func apexInABrowser(t *testing.T, browser context.Context) {
	s := newSQLite(t)
	s.create(t, "acme", "--name=Acme")
	srv := s.serve(t)
	b := srv.open(t, browser)
	b.visit(t, "", "/")
	b.do(t, chromedp.SendKeys("#workspace", "Acme\r", chromedp.ByQuery))
	b.says(t, "h1", "Sign in to Acme")
	b.expect("404")
	b.visit(t, "", "/")
	b.do(t, chromedp.SendKeys("#workspace", "nobody\r", chromedp.ByQuery))
	b.says(t, "h1", "Unknown tenant")
	b.look(t, "unknown")
	b.do(t, chromedp.Click("main a.button", chromedp.ByQuery))
	b.says(t, "label", "Your workspace")
}

// moreCards has htmx add the rest of a column to it.
func moreCards(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser)
	var rows strings.Builder
	for i := range 90 {
		fmt.Fprintf(&rows, "Task %d\n", i)
	}
	lines := strings.Replace(head("POST", "acme", "/api/projects/1/tasks/import", rows.Len()+6)+srv.bearer(t, "acme"), "application/json", "text/csv", 1)
	if r := send(t, srv.public, lines+"Connection: close\r\n\r\ntitle\n"+rows.String()); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	b.visit(t, "acme", "/projects/1")
	for _, want := range []int{40, 80, 90} {
		b.until(t, fmt.Sprintf("document.querySelectorAll('#cards-todo .card').length === %d", want))
		if want < 90 {
			b.do(t, chromedp.Click("#cards-todo .rest a", chromedp.ByQuery))
		}
	}
	if got := b.column(t, "todo"); got[0] != "Task 0" || got[89] != "Task 89" || eval[bool](t, b, "!!document.querySelector('.rest')") {
		t.Errorf("the column is %v", got)
	}
}
