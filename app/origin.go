package app

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// readPublicURL reads what people type, which stays nil where it follows from
// the listener. It needs to know the base domain.
func (c Config) readPublicURL(s *settings) error {
	if c.PublicURL == "" {
		return nil
	}
	shown := c.PublicURL
	if strings.ContainsAny(shown, "@?#") {
		shown = hidden
	}
	bad := &SettingError{"public-url", shown,
		"http:// or https:// and the base domain, with a port where it isn't the usual one, such as https://app.example.com"}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !isPort(u) {
		return bad
	}
	if base := s.domain.String(); u.Hostname() != base && base != "" { // a bad one is told already
		return bad
	}
	if strings.TrimSuffix(c.PublicURL, "/") != u.Scheme+"://"+u.Host { // nothing else is in it
		return bad
	}
	s.public = u
	return nil
}

// isPort tells whether the URL's port is none, or one that can be reached.
func isPort(u *url.URL) bool {
	host, port, found := strings.Cut(u.Host, ":")
	if !found {
		return host != ""
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0 && strconv.Itoa(int(number)) == port
}

// TenantURL is where the tenant with that subdomain or host of its own is
// reached, or the base domain where name is empty: under the public URL, else through the listener at addr, by default that of
// the settings. Port 0 is left
// out: which one it becomes is known only to the server.
func (a *App) TenantURL(name, addr string) string {
	addr = cmp.Or(addr, a.settings.addr)
	host := a.settings.domain.Host(name)
	switch {
	case name == "":
		host = a.settings.domain.String()
	case strings.Contains(name, "."):
		host = name
	}
	if u := a.settings.public; u != nil {
		return withPort(u.Scheme, host, u.Port())
	}
	_, port, _ := net.SplitHostPort(addr)
	return withPort("http", host, port)
}

// withPort is an origin; the scheme's usual port is left out, as browsers do.
func withPort(scheme, host, port string) string {
	usual := map[string]string{"http": "80", "https": "443"}[scheme]
	if port == "" || port == "0" || port == usual {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// publicTLS tells whether a request to the public listener came over TLS: to
// this process, to a trusted proxy that says so, or to whatever stands before
// it where the public URL is https.
func (a *App) publicTLS(c *gin.Context) bool {
	public := a.settings.public
	return overTLS(c, a.settings.proxies, public != nil && public.Scheme == "https")
}

// operatorTLS is the same of the operator's listener, which the public URL
// doesn't lead to.
func (a *App) operatorTLS(c *gin.Context) bool { return overTLS(c, a.settings.proxies, false) }

// overTLS tells how the client came; expected is true where there is no other
// way, whatever a proxy says. X-Forwarded-Proto counts from trusted proxies
// only. Each proxy may add how it was reached itself, so the first element is
// how the client came.
func overTLS(c *gin.Context, trusted []netip.Prefix, expected bool) bool {
	if expected {
		return true
	}
	if said := c.Request.Header.Values("X-Forwarded-Proto"); len(said) > 0 && isFrom(c, trusted) {
		first, _, _ := strings.Cut(strings.Join(said, ","), ",")
		return strings.EqualFold(strings.TrimSpace(first), "https")
	}
	return c.Request.TLS != nil
}
