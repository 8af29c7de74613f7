package request

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
)

// CrossOrigin returns a handler that refuses requests which change something, carry a
// cookie and come from a page of another origin. Browsers add the cookie by themselves,
// also to requests of a sibling under the base domain, which is same-site. origin
// returns where a host is reached by the configuration. The handler goes above web.Scoped.
func CrossOrigin(origin func(host string) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if len(c.Request.Header["Cookie"]) > 0 && !isSameOrigin(c.Request, origin) {
			problem.Fail(c, problem.ErrCrossOrigin)
		}
	}
}

// SameOrigin is like CrossOrigin, and refuses requests without a cookie too: a page
// elsewhere must not replace a session by one of another user. origin may be nil.
func SameOrigin(origin func(host string) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !isSameOrigin(c.Request, origin) {
			problem.Fail(c, problem.ErrCrossOrigin)
		}
	}
}

// isSameOrigin reports whether a request comes from a page of its own host, from no
// page, or changes nothing. origin returns where a host is reached by the
// configuration, or "" if that isn't known; it may be nil.
//
// Browsers that say where a page stands (Sec-Fetch-Site) are believed. For others
// Origin is compared with Host, and with the configured origin, as a proxy may have
// changed the port in Host. If the configuration says https, a page without TLS is of
// another origin.
func isSameOrigin(r *http.Request, origin func(host string) string) bool {
	var protection http.CrossOriginProtection
	if protection.Check(r) == nil && (r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") == "" || isSafe(r.Method)) {
		return true
	}
	page, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || page.Host == "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return false
	}
	own := configured(r, origin)
	switch {
	case own.Host != "" && isAt(page, own.Scheme, own.Host):
		return true
	case own.Scheme == "https" && page.Scheme != "https" && hostname(own.Host) == hostname(r.Host):
		return false
	}
	return isAt(page, page.Scheme, r.Host)
}

// configured returns the configured origin of the request's host, empty if unknown.
func configured(r *http.Request, origin func(host string) string) *url.URL {
	if origin == nil {
		return &url.URL{}
	}
	own, err := url.Parse(origin(hostname(r.Host)))
	if err != nil {
		return &url.URL{}
	}
	return own
}

// isSafe reports whether a method changes nothing.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isAt reports whether a page is at the scheme and host.
func isAt(page *url.URL, scheme, host string) bool {
	at := &url.URL{Scheme: scheme, Host: host}
	return page.Scheme == scheme && hostname(page.Host) == hostname(host) && portOf(page) == portOf(at)
}

// hostname returns a host in lower case without port, brackets and trailing dot.
func hostname(host string) string {
	at := &url.URL{Host: host}
	return strings.TrimSuffix(strings.ToLower(at.Hostname()), ".")
}

// portOf returns the port of an origin, by default that of its scheme.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
