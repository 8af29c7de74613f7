package command

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/traffic"
)

// operatorSecret is the operator's token, where tests set it.
const operatorSecret = "sesame-sesame-sesame-sesame-sesame"

// console opens a page of the operator's console.
func (srv *server) console(t *testing.T, b *tab, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate("http://"+srv.operator+path), chromedp.WaitReady("main"))
}

// enterConsole opens the console and signs in there.
func (srv *server) enterConsole(t *testing.T, b *tab) {
	t.Helper()
	srv.console(t, b, "/")
	b.do(t, chromedp.SendKeys("#sign-in-token", operatorSecret, chromedp.ByQuery),
		chromedp.SendKeys("#sign-in-name", "Ada Lovelace\r", chromedp.ByQuery),
		chromedp.WaitVisible("nav.nav", chromedp.ByQuery))
}

// press waits for the button or link with the text, and clicks it.
func (b *tab) press(t *testing.T, text string) {
	t.Helper()
	const click = `(e => e && (e.click(), true))([...document.querySelectorAll('main :is(button, a, summary)')]
		.find(e => e.innerText.trim().startsWith(%q)))`
	b.until(t, fmt.Sprintf(click, text))
}

// consoleTour opens every page of the console in the light and in the dark, wide
// and narrow: nothing is hard to read, cut off or complained of.
func consoleTour(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	srv := s.rehearse(t)
	s.must(t, "operator", "add", "bob@example.com", "--role=viewer")
	b := srv.open(t, browser)
	srv.console(t, b, "/")
	b.look(t, "console-sign-in")
	b.expect("401", "404")
	b.do(t, chromedp.SendKeys("#sign-in-token", "wrong\r", chromedp.ByQuery))
	b.says(t, ".fault", "no operator’s token")
	b.look(t, "console-refused")
	srv.enterConsole(t, b)
	for _, p := range []struct{ name, path string }{
		{"overview", "/"}, {"weeks", "/?span=weeks"}, {"tenants", "/tenants"}, {"busiest", "/tenants?order=requests"}, {"largest", "/tenants?order=size"}, {"narrowed", "/operations?kind=suspend"},
		{"none", "/tenants?search=nothing"}, {"create", "/new"},
		{"tenant", "/tenants/acme"}, {"suspended", "/tenants/hooli"}, {"archived", "/tenants/umbrella"},
		{"operations", "/operations"},
		{"under-way", "/operations?unfinished=true"}, {"migrations", "/migrations"}, {"servers", "/servers"}, {"server", "/servers/default?span=day"}, {"operators", "/operators"},
		{"doctor", "/doctor"}, {"error", "/nothing"},
	} {
		srv.console(t, b, p.path)
		b.look(t, "console-"+p.name)
	}
	srv.console(t, b, "/tenants/umbrella")
	b.do(t, chromedp.Evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })", nil))
	b.look(t, "console-actions")
	srv.console(t, b, "/doctor")
	b.press(t, "Examine everything")
	b.says(t, "main", "Examined ")
	b.look(t, "console-examined")
	srv.console(t, b, "/migrations")
	b.press(t, "Migrate ")
	b.says(t, "h2", "The last run")
	b.look(t, "console-run")
}

// companies are tenants whose pages are tested, by subdomain.
func companies() map[string]string {
	return map[string]string{
		"acme": "Acme Joinery", "globex": "Globex Architects", "initech": "Initech Software",
		"umbrella": "Umbrella Repairs", "hooli": "Hooli Search",
		"wonka": "Wonka Chocolates", "stark": "Stark Heating", "wayne": "Wayne Archives", "tyrell": "Tyrell Optics",
		"cyberdyne": "Cyberdyne Robotics",
		"soylent":   "Soylent Foods", "vandelay": "Vandelay Imports", "duff": "Duff Brewery",
		"oceanic": "Oceanic Travel",
		"sirius":  "Sirius Elevators",
	}
}

// rehearse serves an installation with companies in it, and an hour of traffic
// that never was.
func (s site) rehearse(t *testing.T) *server {
	t.Helper()
	for subdomain, name := range companies() {
		s.must(t, "tenant", "create", subdomain, "--name="+name)
	}
	s.must(t, "tenant", "suspend", "hooli")
	s.must(t, "tenant", "suspend", "umbrella")
	s.must(t, "tenant", "archive", "umbrella", "--yes")
	s.run(t, "tenant", "domain", "add", "acme", "tasks.acme.invalid") // it can't be verified
	clock := &rehearsal{}
	a, err := app.New(t.Context(), s.config(t, "--addr=127.0.0.1:0", "--operator-addr=127.0.0.1:0"),
		app.Options{Log: slog.New(slog.DiscardHandler), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	imagine(t, a, clock)
	err = a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("subdomain IN ?",
			[]string{"wayne", "stark", "duff"}).Update("schema_version", 2).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.perform(t, a)
}

// perform runs an App, which it closes when the test ends.
func (s site) perform(t *testing.T, a *app.App) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan app.Listening, 1), make(chan error, 1)
	go func() {
		ended <- a.Run(ctx, func(l app.Listening) error { listening <- l; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	l := <-listening
	return &server{site: s, public: l.Public.String(), operator: l.Operator.String(), log: &buffer{}}
}

// rehearsal is a clock that stands still at a time, or runs while there is none.
type rehearsal struct{ at time.Time }

func (r *rehearsal) now() time.Time {
	if r.at.IsZero() {
		return time.Now()
	}
	return r.at
}

// imagine makes up an hour of traffic of the companies, always the same but for
// when it was.
func imagine(t *testing.T, a *app.App, clock *rehearsal) {
	t.Helper()
	page, _, err := a.Manager().List(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	clock.at = now.Add(-time.Hour)
	random := rand.New(rand.NewPCG(1, 2))
	for minute := range 60 {
		for i, tenant := range page {
			for range random.IntN(3 + 60/(1+i) + minute/3) {
				took := time.Duration(4+random.ExpFloat64()*float64(6+minute%17)) * time.Millisecond
				a.Traffic().Record(traffic.Request{
					TenantID: tenant.ID, Tenant: tenant.Subdomain, Took: took,
					Failed: minute > 40 && minute < 44 && random.IntN(20) == 0,
				})
			}
		}
		clock.at = clock.at.Add(time.Minute)
	}
	clock.at = time.Time{}
	quiet := page[len(page)-1] // has an alert
	for range 150 {
		a.Traffic().Record(traffic.Request{TenantID: quiet.ID, Tenant: quiet.Subdomain, Took: 20 * time.Millisecond, Failed: true})
	}
}

// watchSteps notes how the steps of a creation are shown.
const watchSteps = `window.seen = []
new MutationObserver(() => {
	const marked = [...document.querySelectorAll('.steps li[class]')].filter(li => li.className)
	const text = marked.map(li => li.dataset.step + ':' + li.className).join(',')
	if (text && window.seen.at(-1) !== text) window.seen.push(text)
}).observe(document.querySelector('.steps'), { subtree: true, attributes: true })`

// consoleCreates makes a tenant in the console, step by step, and its admin
// comes to the workspace by the link; then all that can be done is done to it.
func consoleCreates(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	srv := s.serve(t)
	b := srv.open(t, browser)
	srv.enterConsole(t, b)
	b.press(t, "Create the first one")
	b.do(t, chromedp.WaitVisible("#create-subdomain", chromedp.ByQuery),
		chromedp.SendKeys("#create-subdomain", "Acme", chromedp.ByQuery))
	b.expect("422", "409", "404", "403")
	b.press(t, "Create the tenant")
	b.says(t, ".fault", "Subdomain ")
	b.do(t, chromedp.SetValue("#create-subdomain", "acme", chromedp.ByQuery),
		chromedp.SendKeys("#create-name", "Acme Joinery", chromedp.ByQuery),
		chromedp.SendKeys("#create-admin_email", admin("acme"), chromedp.ByQuery))
	b.do(t, chromedp.Evaluate(watchSteps, nil))
	b.press(t, "Create the tenant")
	b.says(t, ".notice.good", "Send this link to "+admin("acme"))
	if seen := eval[string](t, b, "window.seen.join(' ')"); !strings.HasPrefix(seen, "reserve:doing") ||
		!strings.HasSuffix(seen, "reserve:done,database:done,admin:done") {
		t.Errorf("the steps were shown as %q", seen)
	}
	b.until(t, "location.pathname === '/tenants/acme' && document.activeElement.id === 'main'")
	b.until(t, "document.querySelector('#alert').childElementCount === 0")
	b.picture(t, "console-created")
	link := eval[string](t, b, "document.querySelector('.secret').innerText.trim()")
	if eval[string](t, b, "document.cookie") != "" {
		t.Error("scripts can read the session")
	}

	people := srv.open(t, browser)
	people.do(t, chromedp.Navigate(link), chromedp.WaitVisible("#invitation-password", chromedp.ByQuery),
		chromedp.SendKeys("#invitation-password", password+"\r", chromedp.ByQuery))
	people.says(t, "h1", "Projects")
	people.says(t, ".brand", "Acme Joinery")

	b.do(t, chromedp.Reload())
	b.until(t, "!document.body.innerText.includes('Send this link to')") // it is shown once
	b.press(t, "Suspend")
	b.says(t, ".notice.good", "is suspended")
	people.expect("403", "404")
	people.visit(t, "acme", "/")
	people.says(t, "h1", "suspended")
	b.press(t, "Resume")
	b.says(t, ".notice.good", "served again")
	people.visit(t, "acme", "/")
	people.says(t, "h1", "Projects")

	b.press(t, "Change the limits…")
	b.do(t, chromedp.SetValue("#set-limits-requests", "100/m", chromedp.ByQuery), chromedp.SetValue("#set-limits-size", "1GB", chromedp.ByQuery),
		chromedp.Click("#set-limits button", chromedp.ByQuery))
	b.says(t, ".fault", "Requests a second must be a whole number")
	b.picture(t, "console-limits-refused")
	b.do(t, chromedp.SetValue("#set-limits-requests", "100/s", chromedp.ByQuery),
		chromedp.Click("#set-limits button", chromedp.ByQuery))
	b.says(t, ".notice.good", "limits are changed")
	b.picture(t, "console-limits")

	b.press(t, "Rename…")
	b.do(t, chromedp.SetValue("#rename-subdomain", "zenith", chromedp.ByQuery),
		chromedp.Click("#rename button", chromedp.ByQuery))
	b.says(t, ".notice.good", "new subdomain")
	people.visit(t, "zenith", "/")
	people.says(t, "h1", "Sign in to Acme Joinery")
	b.press(t, "Archive…")
	b.press(t, "Archive zenith")
	b.says(t, ".state", "archived")
	people.visit(t, "zenith", "/")
	people.says(t, "h1", "Unknown tenant")
	b.press(t, "Purge…")
	b.do(t, chromedp.SendKeys("#purge-confirm", "acme\r", chromedp.ByQuery))
	b.says(t, ".fault", "must be zenith")
	b.picture(t, "console-purge-refused")
	b.do(t, chromedp.SetValue("#purge-confirm", "zenith", chromedp.ByQuery),
		chromedp.Click("#purge button", chromedp.ByQuery))
	b.says(t, ".state", "purged")
	b.press(t, "Restore")
	b.says(t, ".state", "active")
	b.says(t, "#story + .scroll", "Ada Lovelace")
	b.do(t, chromedp.Click(".me button", chromedp.ByQuery), chromedp.WaitVisible("#sign-in-token", chromedp.ByQuery))
	srv.console(t, b, "/tenants/zenith")
	b.says(t, "h1", "Sign in to the console")
}

// consoleOffline loses the server: the form is there again with what was typed.
func consoleOffline(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	srv := s.serve(t)
	b := srv.open(t, browser)
	srv.enterConsole(t, b)
	srv.console(t, b, "/new")
	b.do(t, chromedp.SendKeys("#create-subdomain", "acme", chromedp.ByQuery))
	srv.stop(t)
	b.expect("ERR_CONNECTION_REFUSED")
	b.press(t, "Create the tenant")
	b.says(t, "#alert", "There is no connection")
	if got := eval[string](t, b, "document.querySelector('#create-subdomain').value"); got != "acme" {
		t.Errorf("what was typed is gone: %q", got)
	}
}

// consolePasses migrates what is behind, and looks at the waves as they fill.
func consolePasses(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	for i := range 12 {
		s.must(t, "tenant", "create", fmt.Sprintf("t%d", i))
	}
	a := s.open(t)
	err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("1 = 1").Update("schema_version", 1).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := s.serve(t)
	b := srv.open(t, browser)
	srv.enterConsole(t, b)
	b.press(t, "behind the schema")
	b.says(t, "main", "In waves")
	b.do(t, chromedp.Evaluate("document.querySelectorAll('details').forEach(d => { d.open = true }); "+
		"document.querySelector('#begin-pause_seconds').value = '0'", nil))
	b.press(t, "Begin in waves")
	b.says(t, "h2", "The last run")
	b.says(t, "#running [role=status]", "12 of 12 done, 0 failed")
	if full := eval[int](t, b,
		"[...document.querySelectorAll('.wave progress')].filter(p => p.value === p.max).length"); full != 3 { // of 1, 10 and the one that is left
		t.Errorf("%d waves are full", full)
	}
	b.says(t, "main", "All tenants are current.")
}

// consoleKeyboard does with keys alone what consoleCreates does with a mouse.
func consoleKeyboard(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	srv := s.serve(t)
	b := srv.open(t, browser)
	srv.console(t, b, "/")
	b.until(t, "document.activeElement.id === 'sign-in-token'")
	b.keys(t, operatorSecret, kb.Tab, "Ada", kb.Enter)
	b.says(t, "h1", "Overview")
	b.keys(t, kb.Tab)
	b.until(t, "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().top >= 0")
	b.tabTo(t, "document.activeElement.innerText === 'Tenants'")
	b.keys(t, kb.Enter)
	b.says(t, "h1", "Tenants")
	b.tabTo(t, "document.activeElement.innerText === 'Create a tenant'")
	b.keys(t, kb.Enter)
	b.until(t, "document.activeElement.id === 'create-subdomain'")
	b.keys(t, "acme", kb.Tab, "Acme", kb.Enter)
	b.says(t, ".notice.good", "The tenant is ready")
	b.tabTo(t, "document.activeElement.innerText === 'Suspend'")
	if outline := eval[string](t, b, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
		t.Error("the focus can't be seen")
	}
	b.keys(t, kb.Enter)
	b.says(t, ".state", "suspended")
	b.tabTo(t, "document.activeElement.innerText === 'Archive…'")
	b.keys(t, kb.Enter)
	b.tabTo(t, "document.activeElement.innerText === 'Archive acme'")
	b.keys(t, kb.Enter)
	b.says(t, ".state", "archived")
}

// consoleWithoutScripts does it in a browser that runs none.
func consoleWithoutScripts(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	srv := s.serve(t)
	b := srv.open(t, browser)
	b.do(t, emulation.SetScriptExecutionDisabled(true))
	srv.enterConsole(t, b)
	b.do(t, chromedp.Navigate("http://"+srv.operator+"/new"),
		chromedp.WaitVisible("#create-subdomain", chromedp.ByQuery),
		chromedp.SendKeys("#create-subdomain", "acme", chromedp.ByQuery),
		chromedp.SendKeys("#create-admin_email", admin("acme")+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(".secret", chromedp.ByQuery),
		chromedp.Navigate("http://"+srv.operator+"/tenants/acme"), chromedp.WaitVisible("#actions", chromedp.ByQuery),
		chromedp.Click("form[action$='/suspend'] button", chromedp.ByQuery),
		chromedp.WaitVisible("form[action$='/resume'] button", chromedp.ByQuery),
		chromedp.Navigate("http://"+srv.operator+"/doctor"), chromedp.Click("main button", chromedp.ByQuery),
		chromedp.WaitVisible(".notice", chromedp.ByQuery))
	if r := srv.get(t, "acme", "/api/projects"); r.status != http.StatusForbidden {
		t.Errorf("it is not suspended: %d", r.status)
	}
}
