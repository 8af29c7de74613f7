package command

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"tenantry/tenants/document"
)

// visitsBoard has an operator enter from another tab, while the board shows what is the admin's own. What is sent from there is
// refused until the page is loaded again; then forms and dragging work as on any page.
func (srv *server) visitsBoard(t *testing.T, b *tab) {
	t.Helper()
	r := srv.operate(t, "POST", "/api/tenants/acme/enter", fmt.Sprintf(`{"user":%q,"reason":"the board","write":true}`, admin("acme")))
	var made document.Entrance
	if err := json.Unmarshal([]byte(r.body), &made); err != nil {
		t.Fatalf("%v: %d %s", err, r.status, r.body)
	}
	b.visit(t, "acme", "/projects/1")
	const enter = `fetch('/enter', { method: 'POST', body: new URLSearchParams({ token: new URL(%q).searchParams.get('token') }) }).then(r => r.status)`
	b.do(t, chromedp.Evaluate(fmt.Sprintf(enter, made.URL), nil, awaited))
	b.expect("409")
	b.do(t, chromedp.SendKeys("#new-task-title", "Sell the office\r", chromedp.ByQuery))
	b.says(t, "#alert", "A visit began or ended")
	b.visit(t, "acme", "/projects/1")
	b.says(t, ".visit", "reading and writing")
	b.expectColumn(t, "todo", "Measure the room", "Order desks")
	b.do(t, chromedp.SendKeys("#new-task-title", "Order a board\r", chromedp.ByQuery))
	b.expectColumn(t, "todo", "Order a board", "Measure the room", "Order desks")
	b.drag(t, "#t3", "#cards-done", 0.9)
	b.expectColumn(t, "done", "Order chairs", "Order lamps")
	b.do(t, chromedp.Click(".visit button", chromedp.ByQuery))
	b.until(t, "location.pathname === '/' || location.pathname === '/sign-in'")
}
