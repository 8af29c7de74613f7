package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"tenantry/tenants/tenantstest/wait"
)

// envScreenshots names a folder into which the tests put pictures of pages.
const envScreenshots = "TENANTRY_TEST_SCREENSHOTS"

// chromium is a local browser's program. Without one the test is skipped, or
// fails where TENANTRY_TEST_REQUIRE says that it must run.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("TENANTRY_TEST_REQUIRE"), ","), "browser") {
		t.Fatal("there is no Chromium, and TENANTRY_TEST_REQUIRE asks for a browser")
	}
	t.Skip("there is no Chromium: what takes a browser is not tested")
	return ""
}

// launch starts a browser in which every name under localhost is this machine.
// Contexts derived from the returned one are separate profiles.
func launch(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox, // it is often run as root
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP *.localhost 127.0.0.1, MAP localhost 127.0.0.1"),
		chromedp.WSURLReadTimeout(patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// tab is a tab of a profile of its own, whose complaints fail the test.
type tab struct {
	ctx  context.Context
	port string // the public listener's

	mu         sync.Mutex // guards what follows
	complaints []string
	expected   []string // of what complaints may contain something
}

// newWindow opens a window of a new profile. chromedp's own way to one asks for
// a tab, and Chromium wants a window that it could be in.
func newWindow(t *testing.T, browser context.Context) target.ID {
	t.Helper()
	ctx := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
	if err != nil {
		t.Fatal(err)
	}
	window, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return window
}

// open opens a tab in a new profile.
func (srv *server) open(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithTargetID(newWindow(t, browser)))
	ctx, stop := context.WithTimeout(ctx, 2*patience)
	b := &tab{ctx: ctx, port: srv.public[strings.LastIndexByte(srv.public, ':'):]}
	chromedp.ListenTarget(ctx, b.listen)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, complaint := range b.complaints {
			if !slices.ContainsFunc(b.expected, func(text string) bool { return strings.Contains(complaint, text) }) {
				t.Errorf("the browser complains: %s", complaint)
			}
		}
		stop()
		cancel()
	})
	const watch = `addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))`
	b.do(t, runtime.Enable(), log.Enable(), chromedp.EmulateViewport(1280, 900), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watch).Do(ctx)
		return err
	}))
	return b
}

// listen notes errors: of scripts, of what they log, and of the browser.
func (b *tab) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.APITypeError && e.Type != runtime.APITypeWarning {
			return
		}
		for _, arg := range e.Args {
			complaint += string(arg.Value) + arg.Description + " "
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.LevelError {
			return
		}
		complaint = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, complaint)
}

// expect lets complaints pass that contain one of the texts.
func (b *tab) expect(texts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = texts
}

// do runs actions.
func (b *tab) do(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var at, text string
		_ = chromedp.Run(b.ctx, chromedp.Location(&at), chromedp.Text("body", &text, chromedp.ByQuery))
		t.Fatalf("at %s: %v; the page says: %.1500s", at, err, text)
	}
}

// visit opens a page of a tenant, or of the base domain where subdomain is
// empty.
func (b *tab) visit(t *testing.T, subdomain, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.url(subdomain, path)), chromedp.WaitReady("main"))
}

func (b *tab) url(subdomain, path string) string {
	host := strings.TrimPrefix(subdomain+".localhost", ".")
	return "http://" + host + b.port + path
}

// eval is the value of an expression in the page.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	var value T
	b.do(t, chromedp.Evaluate(expression, &value))
	return value
}

// until waits for an expression to be true in the page, which may be another
// one by then: what fails because one page gives way to the next is asked again.
func (b *tab) until(t *testing.T, expression string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			var at, text string
			_ = chromedp.Run(b.ctx, chromedp.Location(&at), chromedp.Evaluate("document.body.innerText", &text))
			t.Logf("at %s: %.1500s", at, text)
		}
	}()
	wait.Until(t, expression, func() bool {
		var is bool
		err := chromedp.Run(b.ctx, chromedp.Evaluate("!!("+expression+")", &is))
		return err == nil && is
	})
}

// says waits for the page to say something, in the elements of the selector.
func (b *tab) says(t *testing.T, selector, text string) {
	t.Helper()
	b.until(t, fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))", selector, text))
}

// signIn signs in at the sign-in page that the tab shows, or opens.
func (b *tab) signIn(t *testing.T, subdomain, email string) {
	t.Helper()
	b.visit(t, subdomain, "/")
	b.do(t,
		chromedp.SendKeys("#sign-in-email", email, chromedp.ByQuery),
		chromedp.SendKeys("#sign-in-password", password+"\r", chromedp.ByQuery),
		chromedp.WaitVisible("nav.nav", chromedp.ByQuery),
	)
}

// column are the titles of a column of the board that the tab shows.
func (b *tab) column(t *testing.T, status string) []string {
	t.Helper()
	return eval[[]string](t, b, fmt.Sprintf("[...document.querySelectorAll('#cards-%s .card > a')].map(a => a.textContent)", status))
}

// expectColumn waits for a column to hold the titles.
func (b *tab) expectColumn(t *testing.T, status string, titles ...string) {
	t.Helper()
	want := strings.Join(titles, "|")
	b.until(t, fmt.Sprintf("document.querySelector('#cards-%s') && [...document.querySelectorAll('#cards-%s .card > a')].map(a => a.textContent).join('|') === %q", status, status, want))
}

// dark shows pages as they are in the dark, or in the light, and without what
// moves.
func dark(is bool) chromedp.Action {
	scheme := "light"
	if is {
		scheme = "dark"
	}
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	})
}

// picture writes a picture of the page, where pictures are asked for.
func (b *tab) picture(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv(envScreenshots)
	if folder == "" {
		return
	}
	var png []byte
	b.do(t, chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		t.Error(err)
	}
}

// settle lets the page show what it was told to.
func (b *tab) settle(t *testing.T) {
	t.Helper()
	var done bool
	b.do(t, chromedp.Evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))", &done, awaited))
}

// awaited has the value of a promise for that of an expression.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
