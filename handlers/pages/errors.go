package pages

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/look"
	"tenantry/tenants"
)

// errorPage is what is shown when there is nothing else to show.
type errorPage struct {
	Title, Detail string
	// Advice is what to do about it.
	Advice string
	// Link and To are where to go.
	Link, To  string
	RequestID string
}

// Errors has what fails below it answered with pages, to clients that ask for
// pages.
func (s *Site) Errors() gin.HandlerFunc {
	return func(c *gin.Context) { handlers.SetErrorPage(c, s.showError) }
}

func (s *Site) showError(c *gin.Context, p handlers.Problem) {
	_, known := tenants.Resolved(c)
	if p.Status == http.StatusUnauthorized && known && sendToSignIn(c) {
		return
	}
	page := errorPage{Title: p.Title, Detail: p.Detail, RequestID: p.RequestID}
	if page.Advice, page.Link, page.To = advice(p, known); page.To == "" && p.Status == http.StatusNotFound {
		page.Link, page.To = "Find your workspace", s.accounts.Origin("")+"/"
	}
	f := frameOf(c, p.Title, "", page)
	f.User = nil // their session may be what failed
	if isHTMX(c) {
		c.Header("HX-Retarget", "body")
		c.Header("HX-Reselect", "body > *")
		c.Header("HX-Reswap", "innerHTML show:window:top")
	}
	s.templates.Show(c, p.Status, "error", f)
}

// advice is what to do about a problem, and where to go.
func advice(p handlers.Problem, known bool) (text, link, to string) {
	if known {
		link, to = "Go to the projects", "/"
	}
	switch p.Type[len(handlers.ProblemType):] {
	case "unknown-tenant":
		return "Check the address for a slip of the pen, or ask who invited you for the right one.", "", ""
	case "suspended":
		return "Nothing is lost. Ask whoever runs this service for you.", "", ""
	case "commit-unknown":
		return "What you sent may have been stored, or not. Look for it first, and send it again only if it isn’t there.", link, to
	case "maintenance", "schema-version", "unavailable", "busy", "timeout":
		return "What you sent was not stored. Wait a moment, then load this page again.", "Try again", ""
	case "unauthenticated":
		return "You were signed out meanwhile, and nothing was stored. Sign in, go back, and send it again.", "Sign in", "/sign-in"
	case "forbidden":
		return "Ask an admin of this workspace to do it, or to make you an admin.", link, to
	case "cross-origin":
		return "Nothing was stored. If you came by a link from elsewhere, open the page here and try again.", link, to
	case "not-found":
		return "It may have been deleted, or the address has a slip of the pen.", link, to
	case "body-too-large", "storage-full":
		return "Nothing was stored. Send less at once.", link, to
	case "internal":
		return "Nothing was stored. Try again; when it stays so, report it with the number below.", link, to
	}
	return "Go back and try again.", link, to
}

// sendToSignIn sends who only looks to the sign-in, and from there back.
func sendToSignIn(c *gin.Context) bool {
	next := c.Request.URL.RequestURI()
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		if !isHTMX(c) {
			return false
		}
		next = currentPage(c)
	}
	path := "/sign-in"
	if next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	c.Writer.Header().Del("WWW-Authenticate")
	if isHTMX(c) {
		c.Header("HX-Redirect", path)
		c.Status(http.StatusUnauthorized)
		c.Writer.WriteHeaderNow()
		return true
	}
	c.Redirect(http.StatusSeeOther, path)
	return true
}

// currentPage is the path of the page from which htmx sent the request.
func currentPage(c *gin.Context) string {
	page, err := url.Parse(c.GetHeader("HX-Current-URL"))
	if err != nil || page.Path == "" {
		return "/"
	}
	return look.LocalPath(page.RequestURI())
}

// isHTMX tells whether htmx sent the request.
func isHTMX(c *gin.Context) bool { return c.GetHeader("HX-Request") == "true" }
