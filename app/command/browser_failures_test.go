package command

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// answering has every form of a tab answered by the test.
type answering struct {
	mu     sync.Mutex // guards what follows
	status int        // 0 for none: the connection breaks
	ours   bool       // the answer is this application's, not a proxy's
}

func (a *answering) with(status int, ours bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.ours = status, ours
}

// intercept answers the forms of the tab from now on.
func (b *tab) intercept(t *testing.T) *answering {
	t.Helper()
	a := &answering{}
	chromedp.ListenTarget(b.ctx, func(event any) {
		if e, ok := event.(*fetch.EventRequestPaused); ok {
			go a.answer(cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Target), e)
		}
	})
	b.do(t, fetch.Enable())
	return a
}

// answer errors are those of a test that is over.
func (a *answering) answer(ctx context.Context, e *fetch.EventRequestPaused) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case e.Request.Method != http.MethodPost:
		_ = fetch.ContinueRequest(e.RequestID).Do(ctx)
	case a.status == 0:
		_ = fetch.FailRequest(e.RequestID, network.ErrorReasonConnectionReset).Do(ctx)
	default:
		text, header := "<html><body><h1>Bad gateway</h1></body></html>", []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/html"}}
		if a.ours {
			text = `<div class="problem" id="problem"><p>The server says no.</p></div>`
			header = append(header, &fetch.HeaderEntry{Name: "HX-Retarget", Value: "#alert"}, &fetch.HeaderEntry{Name: "HX-Reselect", Value: "#problem"},
				&fetch.HeaderEntry{Name: "HX-Reswap", Value: "innerHTML"}, &fetch.HeaderEntry{Name: "HX-Push-Url", Value: "false"})
		}
		_ = fetch.FulfillRequest(e.RequestID, int64(a.status)).WithResponseHeaders(header).WithBody(base64.StdEncoding.EncodeToString([]byte(text))).Do(ctx)
	}
}

// failures fails forms, moves and drags with every class of error, by an answer of
// the application, by one of a proxy, and without any: each time the page tells
// so, and what was typed is there.
func failures(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser, "Order chairs", "Order desks")
	a := b.intercept(t)
	b.expect("status of", "ERR_CONNECTION_RESET", "htmx:sendError", "htmx:afterRequest", "Response Status Error")
	said := func(text string) {
		t.Helper()
		b.says(t, "#alert", text)
		b.do(t, chromedp.Evaluate("document.getElementById('alert').replaceChildren()", nil))
	}
	for _, ours := range []bool{true, false} {
		for _, status := range []int{401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 507, 0} {
			if status == 0 && ours {
				continue
			}
			a.with(status, ours)
			text := map[bool]string{true: "The server says no", false: fmt.Sprintf("status %d", status)}[ours]
			if status == 0 {
				text = "There is no connection"
			}
			b.visit(t, "acme", "/projects/1")
			b.do(t, chromedp.SendKeys("#new-task-title", "Measure the room\r", chromedp.ByQuery))
			said(text)
			b.do(t, chromedp.Click("#r1", chromedp.ByQuery))
			said(text)
			b.drag(t, "#t2", "#cards-done", 0.5)
			said(text)
			b.expectColumn(t, "todo", "Order chairs", "Order desks")
			b.expectColumn(t, "done")
			b.holds(t, "#new-task-title", "Measure the room")

			b.visit(t, "acme", "/tasks/1")
			b.do(t, chromedp.SendKeys("#comment-body", "They came", chromedp.ByQuery), chromedp.SetValue("#task-title", "Oak chairs", chromedp.ByQuery),
				chromedp.Click("#task .primary", chromedp.ByQuery))
			said(text)
			b.do(t, chromedp.Click("#comment .primary", chromedp.ByQuery))
			b.says(t, "#alert", text)
			b.holds(t, "#comment-body", "They came")
			b.holds(t, "#task-title", "Oak chairs")
			if at := eval[string](t, b, "location.pathname"); at != "/tasks/1" {
				t.Errorf("the address is %s", at)
			}
			if status == 503 {
				b.look(t, fmt.Sprintf("failure-%t", ours))
			}
		}
	}
	if r := srv.get(t, "acme", "/api/tasks/1"); !strings.Contains(r.body, "Order chairs") {
		t.Errorf("stored %s", r.body)
	}
	b.visit(t, "acme", "/people")
	b.do(t, chromedp.Click(".fold summary", chromedp.ByQuery), chromedp.SendKeys("#invite-name", "Ben", chromedp.ByQuery),
		chromedp.SendKeys("#invite-email", "ben@acme.example", chromedp.ByQuery), chromedp.SendKeys("#invite-password", password+"\r", chromedp.ByQuery))
	b.says(t, "#alert", "There is no connection")
	b.holds(t, "#invite-name", "Ben")
	b.do(t, chromedp.Click("#alert button", chromedp.ByQuery))
	b.until(t, "document.getElementById('alert').childElementCount === 0")
}

// holds checks what a field holds.
func (b *tab) holds(t *testing.T, field, want string) {
	t.Helper()
	if got := eval[string](t, b, fmt.Sprintf("document.querySelector(%q)?.value ?? 'nothing'", field)); got != want {
		t.Errorf("%s holds %q, want %q", field, got, want)
	}
}

// signedOut ends the session while a user types: they sign in in another tab and
// continue.
func signedOut(t *testing.T, browser context.Context) {
	srv, b := workspace(t, browser, "Order chairs")
	b.visit(t, "acme", "/tasks/1")
	b.do(t, chromedp.SendKeys("#comment-body", "They came today", chromedp.ByQuery))
	var done int
	b.do(t, chromedp.Evaluate("fetch('/sign-out', {method: 'POST', redirect: 'manual'}).then(() => 1)", &done, awaited)) // in another tab, say
	b.expect("401")
	b.do(t, chromedp.Click("#comment .primary", chromedp.ByQuery))
	b.says(t, "#alert", "You were signed out meanwhile, and nothing was stored")
	b.look(t, "signed-out")
	if link := eval[string](t, b, "document.querySelector('#alert a').target + document.querySelector('#alert a').pathname"); link != "_blank/sign-in" {
		t.Errorf("the way in is %s", link)
	}
	b.holds(t, "#comment-body", "They came today")
	signIn := fmt.Sprintf("fetch('/sign-in', {method: 'POST', redirect: 'manual', body: new URLSearchParams({email: %q, password: %q})}).then(() => 1)", admin("acme"), password)
	b.do(t, chromedp.Evaluate(signIn, &done, awaited), chromedp.Click("#comment .primary", chromedp.ByQuery))
	b.says(t, ".comments", "They came today")
	b.holds(t, "#comment-body", "")
	b.until(t, "document.getElementById('alert').childElementCount === 0")
	if r := srv.get(t, "acme", "/api/tasks/1/comments"); strings.Count(r.body, "They came today") != 1 {
		t.Errorf("stored %s", r.body)
	}
}

// halfWritten saves what is beside a text that is half written, which stays.
func halfWritten(t *testing.T, browser context.Context) {
	_, b := workspace(t, browser, "Order chairs", "Order desks")
	b.do(t, chromedp.SendKeys("#new-task-title", "Measure", chromedp.ByQuery), chromedp.Click("#r1", chromedp.ByQuery))
	b.expectColumn(t, "doing", "Order chairs")
	b.holds(t, "#new-task-title", "Measure")
	b.drag(t, "#t2", "#cards-done", 0.5)
	b.expectColumn(t, "done", "Order desks")
	b.holds(t, "#new-task-title", "Measure")
	b.do(t, chromedp.SendKeys("#new-task-title", " the room\r", chromedp.ByQuery))
	b.expectColumn(t, "todo", "Measure the room")
	b.holds(t, "#new-task-title", "")

	b.visit(t, "acme", "/tasks/1")
	b.do(t, chromedp.SendKeys("#comment-body", "First", chromedp.ByQuery), chromedp.Click("#comment .primary", chromedp.ByQuery))
	b.says(t, ".comments", "First")
	b.do(t, chromedp.SendKeys("#comment-body", "They came", chromedp.ByQuery), chromedp.SetValue("#task-title", "Oak chairs", chromedp.ByQuery),
		chromedp.Click("#task .primary", chromedp.ByQuery))
	b.says(t, "#task-details", "Saved.")
	b.says(t, "h1", "Oak chairs")
	b.holds(t, "#comment-body", "They came")
	b.look(t, "saved-beside")
	b.do(t, chromedp.SetValue("#task-title", "Ash chairs", chromedp.ByQuery), chromedp.Click(".comments form button", chromedp.ByQuery))
	b.says(t, "#comments", "Nobody has said anything yet")
	b.holds(t, "#comment-body", "They came")
	b.holds(t, "#task-title", "Ash chairs")

	b.visit(t, "acme", "/account")
	b.do(t, chromedp.SetValue("#profile-name", "Ada Lovelace", chromedp.ByQuery),
		chromedp.Click("#profile .primary", chromedp.ByQuery))
	b.says(t, ".me-text", "Ada Lovelace")
	b.until(t, "location.pathname + location.search === '/account?done=profile'")
}

// consoleFailures makes requests to the console fail.
func consoleFailures(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	b := srv.open(t, browser)
	srv.enterConsole(t, b)
	a := b.intercept(t)
	b.expect("status of", "ERR_CONNECTION_RESET", "htmx:sendError", "htmx:afterRequest", "Response Status Error")
	for _, status := range []int{401, 409, 500, 503, 507, 0} {
		a.with(status, status != 503)
		text := map[int]string{503: "status 503", 0: "There is no connection"}[status]
		if text == "" {
			text = "The server says no"
		}
		srv.console(t, b, "/tenants/acme")
		b.press(t, "Rename…")
		b.do(t, chromedp.SetValue("#rename-subdomain", "zenith", chromedp.ByQuery), chromedp.Click("#rename button", chromedp.ByQuery))
		b.says(t, "#alert", text)
		b.holds(t, "#rename-subdomain", "zenith")
		srv.console(t, b, "/new")
		b.do(t, chromedp.SendKeys("#create-subdomain", "globex", chromedp.ByQuery))
		b.press(t, "Create the tenant")
		if status == 503 {
			text = "There is no connection" // a proxy's answer is none
		}
		b.says(t, "#alert", text)
		b.holds(t, "#create-subdomain", "globex")
		if status == 500 {
			b.look(t, "console-failure")
		}
	}
}
