package command

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestInABrowser looks at the pages as people do, in one browser with a profile
// for each test.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("in a short run no pages are looked at")
	}
	browser := launch(t)
	for name, test := range map[string]func(t *testing.T, browser context.Context){
		"tour": tour, "two tenants": twoTenants, "board": boardInABrowser, "more cards": moreCards, "member": member, "conflict": conflict, "offline": offline,
		"failures": failures, "signed out": signedOut, "half written": halfWritten, "console failures": consoleFailures,
		"keyboard": keyboard, "without scripts": withoutScripts, "apex": apexInABrowser,
		"console": consoleTour, "console creates": consoleCreates, "console passes": consolePasses, "console offline": consoleOffline,
		"console keyboard": consoleKeyboard, "console without scripts": consoleWithoutScripts,
	} {
		t.Run(name, func(t *testing.T) { test(t, browser) })
	}
}

// contrast finds texts that are hard to read (WCAG 2.2, 1.4.3 and 1.4.11 for
// the edges of fields): each with its colours and their contrast.
const contrast = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255] }
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1)
  const behind = (e) => {
    if (!e) return rgba(getComputedStyle(document.documentElement).colorScheme.includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#fff')
    const own = rgba(getComputedStyle(e).backgroundColor)
    return own[3] === 1 ? own : over(own, behind(e.parentElement))
  }
  const light = (c) => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
  const bad = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e)
    if (!walker.currentNode.textContent.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest('.unseen, .skip, option')) continue
    const back = behind(e), text = over(rgba(style.color), back), got = ratio(text, back)
    if (got < 4.5) bad.push(e.tagName + '.' + e.className + ' "' + walker.currentNode.textContent.trim().slice(0, 30) + '" ' + style.color + ' on ' + back + ': ' + got.toFixed(2))
  }
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (!e.checkVisibility()) continue
    const back = behind(e.parentElement), got = ratio(over(rgba(getComputedStyle(e).borderTopColor), back), back)
    if (got < 3) bad.push(e.tagName + ' edge ' + got.toFixed(2))
  }
  return bad
})()`

// unnamed finds what can be operated and has no name for those who don't see it,
// and ids that are there twice.
const unnamed = `(() => {
  const bad = []
  for (const e of document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary')) {
    if (!e.checkVisibility()) continue
    const name = e.getAttribute('aria-label') || e.innerText || e.textContent.trim() || [...(e.labels ?? [])].map(l => l.textContent).join('')
    if (!name.trim()) bad.push('no name: ' + e.outerHTML.slice(0, 120))
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id)
  for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) bad.push('twice: #' + id)
  if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1')
  return bad
})()`

// tour opens every page of the demo tenants in the light and in the dark, wide
// and narrow: nothing is hard to read, cut off or complained of.
func tour(t *testing.T, browser context.Context) {
	s := newSQLite(t).with("TENANTRY_DEMO_PASSWORD=" + password)
	srv := s.serve(t, "--demo")
	b := srv.open(t, browser)
	b.visit(t, "", "/")
	b.look(t, "apex")
	b.visit(t, "initech", "/")
	b.look(t, "sign-in")
	b.signIn(t, "initech", "nadia.haddad@initech.example")
	b.look(t, "projects")
	b.lookAtColours(t)
	for _, p := range []struct{ name, path string }{
		{"board", eval[string](t, b, "document.querySelectorAll('.project-name')[1].pathname")},
		{"people", "/people"}, {"activity", "/activity"}, {"account", "/account"}, {"tokens", "/account/tokens"}, {"password", "/account/password"},
		{"archived", "/?archived=true"},
	} {
		b.visit(t, "initech", p.path)
		b.look(t, p.name)
		if p.name == "board" {
			b.do(t, chromedp.Click(".card > a", chromedp.ByQuery), chromedp.WaitVisible("#comments", chromedp.ByQuery))
			b.look(t, "task")
			b.visit(t, "initech", p.path+"/edit")
			b.look(t, "edit")
			b.visit(t, "initech", p.path+"/import")
			b.look(t, "import")
			b.do(t, chromedp.SendKeys("#import-text", "title,status\nOrder chairs,doing\nOrder desks,", chromedp.ByQuery),
				chromedp.Click(".form button", chromedp.ByQuery), chromedp.WaitVisible("#preview", chromedp.ByQuery))
			b.look(t, "preview")
		}
	}
	b.expect("404") // the browser tells of it
	b.visit(t, "initech", "/nothing")
	b.look(t, "error")
}

// lookAtColours shows the page in the colours of all tenants.
func (b *tab) lookAtColours(t *testing.T) {
	t.Helper()
	for _, is := range []bool{false, true} {
		b.do(t, dark(is))
		for hue := range 12 {
			b.do(t, chromedp.Evaluate(fmt.Sprintf("document.documentElement.className = 'hue-%d'", hue), nil))
			if bad := eval[[]string](t, b, contrast); len(bad) > 0 {
				t.Errorf("hue %d, dark %t: hard to read:\n\t%s", hue, is, strings.Join(bad, "\n\t"))
			}
		}
	}
}

// look examines the page, wide and narrow, in the light and in the dark.
func (b *tab) look(t *testing.T, name string) {
	t.Helper()
	for _, width := range []int64{1280, 375} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(t, chromedp.EmulateViewport(width, 900), dark(scheme == "dark"))
			b.settle(t)
			where := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			if wide := eval[int64](t, b, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s: the page is %d wide", where, wide)
			}
			if bad := eval[[]string](t, b, contrast); len(bad) > 0 {
				t.Errorf("%s: hard to read:\n\t%s", where, strings.Join(bad, "\n\t"))
			}
			if bad := eval[[]string](t, b, unnamed); len(bad) > 0 {
				t.Errorf("%s:\n\t%s", where, strings.Join(bad, "\n\t"))
			}
			b.picture(t, where)
		}
	}
	b.do(t, chromedp.EmulateViewport(1280, 900), dark(false))
}
