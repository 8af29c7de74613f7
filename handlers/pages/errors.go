package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// Errors has what fails below it answered with pages, to clients that ask for
// pages.
func (s *Site) Errors() gin.HandlerFunc {
	return func(c *gin.Context) { problem.SetPage(c, s.showError) }
}

func (s *Site) showError(c *gin.Context, p web.Problem) {
	_, known := web.Resolved(c)
	over := p.Status == http.StatusUnauthorized && known && s.accounts.VisitEnded(c)
	if p.Status == http.StatusUnauthorized && known && !over && sendToSignIn(c) {
		return
	}
	f := look.Failure{Problem: p}
	f.Advice, f.Link, f.To = s.advice(p, known, look.Posts(c))
	if over { // there may be a session beside it
		c.Writer.Header().Del("WWW-Authenticate")
		f.Advice, f.Link, f.To = "To go on as the person, enter again.", "Go on without it", s.navigation[0].Path
	}
	if f.Apart = f.To == "/sign-in"; f.Apart {
		f.Detail = "You were signed out meanwhile, and nothing was stored."
	}
	if f.To == "" && p.Status == http.StatusNotFound {
		f.Link, f.To = "Find your workspace", s.accounts.Origin("")+"/"
	}
	wait := c.Writer.Header().Get("Retry-After")
	if p.Status == http.StatusTooManyRequests && p.Type != web.ProblemType+"tenant-statement-time" && wait != "" {
		f.Advice = "Try again in " + wait + " seconds."
		if wait == "1" {
			f.Advice = "Try again in a second."
		}
	}
	s.templates.ShowFailure(c, f, func(body any) any {
		around := s.frameOf(c, p.Title, "", body)
		around.User = nil // their session may be what failed
		return around
	})
}

// advice says what to do about a problem, and which link to follow. posted means
// that a form was sent, which was not stored; otherwise the request asked for a
// page.
func (s *Site) advice(p web.Problem, known, posted bool) (text, link, to string) {
	lost, again := "", "try again"
	if known {
		link, to = "Go to the "+strings.ToLower(s.navigation[0].Label), s.navigation[0].Path
	}
	if posted {
		lost, again = "Nothing was stored. ", "send it again"
	}
	switch p.Type[len(web.ProblemType):] {
	case "unknown-tenant":
		return "Check that the address is spelled correctly, or ask the person who invited you for it.", "", ""
	case "suspended":
		return "Nothing is lost that was stored before. Ask the people who run this service for you.", "", ""
	case "commit-unknown":
		return "What you sent may have been stored, or not. Look for it first, and send it again only if it isn’t there.", link, to
	case "maintenance", "schema-version", "unavailable", "busy", "timeout":
		if posted {
			return lost + "Wait a moment, then send it again.", "", ""
		}
		return "Wait a moment, then load this page again.", "Try again", ""
	case "planned-maintenance":
		if posted {
			return lost + "Send it again when it is over.", "", ""
		}
		return "Nothing is lost that was stored before.", "Try again", ""
	case "unauthenticated":
		return "Sign in in another tab, then come back to this one and " + again + ".", "Sign in in another tab", "/sign-in"
	case "forbidden":
		return "Ask an admin of this workspace to do it, or to make you an admin.", link, to
	case "reading-only":
		return "Leave, and enter again with writing, if it must be changed.", link, to
	case "out-of-reach":
		return "The person can do it, or an admin of this workspace.", link, to
	case "cross-origin":
		return "Nothing was stored. If you came by a link from elsewhere, open the page here and try again.", link, to
	case "not-found":
		return "It may have been deleted, or the address may be mistyped.", link, to
	case "body-too-large", "tenant-body", "tenant-statement-time":
		if !posted {
			return "Ask for less at once.", link, to
		}
		return lost + "Send less at once.", link, to
	case "tenant-full":
		return lost + "Delete what is no longer needed, or ask the people who run this service for more room.", link, to
	case "storage-full":
		return lost + "Tell the people who run this service, then send it again. What is stored can be read and deleted.", link, to
	case "internal":
		return lost + "Try again; when it stays so, report it with the number below.", link, to
	}
	if posted {
		return "Nothing was stored. Correct it, or try again.", link, to
	}
	return "Go back and try again.", link, to
}

// sendToSignIn sends a browser that only asks for a page to the sign-in, and from
// there back. A page that is open stays: something may be typed there.
func sendToSignIn(c *gin.Context) bool {
	c.Writer.Header().Del("WWW-Authenticate")
	if look.Posts(c) || look.IsHTMX(c) {
		return false
	}
	path := "/sign-in"
	if next := c.Request.URL.RequestURI(); next != "/" {
		path += "?next=" + url.QueryEscape(next)
	}
	c.Redirect(http.StatusSeeOther, path)
	return true
}
