package pages

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/request"
	"tenantry/tenants"
)

// apexPage is the page at the base domain: it leads to the workspaces.
type apexPage struct {
	Workspace string // what was typed
	Fault     string
	// Domain is the part of a workspace's address after its name.
	Domain string
	Demo   []Demo
}

// apex answers at the base domain, and leaves all other hosts to what follows.
// With ?workspace= it leads to a workspace, also to one that isn't there: who
// asks here learns of no tenant.
func (s *Site) apex(c *gin.Context) {
	if c.Request.URL.Path != "/" || !s.isApex(c.Request) {
		return
	}
	if request.Takes("workspace")(c); c.IsAborted() {
		return
	}
	c.Abort()
	name := strings.Map(lower, strings.TrimSpace(c.Query("workspace")))
	page := apexPage{Workspace: name, Domain: "." + s.domain.String(), Demo: s.demo}
	status := http.StatusOK
	if name != "" {
		var bad *tenants.SubdomainError
		if err := tenants.ValidateSubdomain(name); !errors.As(err, &bad) {
			c.Redirect(http.StatusSeeOther, s.accounts.Origin(name)+"/")
			return
		}
		status, page.Fault = http.StatusUnprocessableEntity, "The name "+bad.Rule+"."
	}
	s.allowForms(c)
	s.templates.Show(c, status, "apex", frame{Title: "Tenantry", Body: page})
}

// lower makes A-Z small, and leaves letters alone that others would be taken
// for: Unicode has a K for Kelvin.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}

// allowForms lets the form of the page be led on to a tenant's host, which
// browsers take for a place where the form goes (CSP 3, form-action).
func (s *Site) allowForms(c *gin.Context) {
	const own = "form-action 'self'"
	policy := c.Writer.Header().Get("Content-Security-Policy")
	scheme, host, _ := strings.Cut(s.accounts.Origin("x"), "://x.")
	c.Header("Content-Security-Policy", strings.Replace(policy, own, own+" "+scheme+"://*."+host, 1))
}

// isApex tells whether a request is one to the base domain itself, on any port
// and with one dot at its end at most, as for tenants' hosts.
func (s *Site) isApex(r *http.Request) bool {
	name, port, found := strings.Cut(r.Host, ":")
	if found {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.HasPrefix(port, "+") {
			return false
		}
	}
	name, base := strings.TrimSuffix(name, "."), s.domain.String()
	return r.URL.Host == "" && len(name) == len(base) && strings.EqualFold(name, base)
}
