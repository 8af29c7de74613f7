package app

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// readPublicURL reads the public URL, which stays nil if it follows from the
// listener. The base domain must be read first.
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

// isPort reports whether the URL has no port, or a port that can be reached.
func isPort(u *url.URL) bool {
	host, port, found := strings.Cut(u.Host, ":")
	if !found {
		return host != ""
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0 && strconv.Itoa(int(number)) == port
}

// TenantURL is where the tenant with that subdomain or host of its own is
// reached, or the base domain where name is empty: under the public URL, else through
// the listener of this process, or of another serving process, or of the settings.
func (a *App) TenantURL(name string) string {
	if a.settings.public != nil {
		return a.urlAt(name, "")
	}
	return a.urlAt(name, a.servedAt())
}

// servingTimeout limits the question which process serves.
const servingTimeout = 2 * time.Second

// servedAt returns the address at which tenants are served, as far as it is known.
func (a *App) servedAt() string {
	if own := a.listening.Load(); own != nil {
		return *own
	}
	ctx, cancel := context.WithTimeout(context.Background(), servingTimeout)
	defer cancel()
	other, err := a.master.Serving(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "look which process serves tenants", "error", err)
	}
	return cmp.Or(other, a.settings.addr)
}

// urlAt is TenantURL for a listener at addr. Port 0 is left out: which one it becomes is
// known only to the server.
func (a *App) urlAt(name, addr string) string {
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

// publicTLS reports whether a request to the public listener came over TLS: to
// this process, to a trusted proxy that says so, or, if the public URL is
// https, to any proxy in front of it.
func (a *App) publicTLS(c *gin.Context) bool {
	public := a.settings.public
	return overTLS(c, a.settings.proxies, public != nil && public.Scheme == "https")
}

// operatorTLS is like publicTLS for the operator's listener, to which the
// public URL doesn't apply.
func (a *App) operatorTLS(c *gin.Context) bool { return overTLS(c, a.settings.proxies, false) }

// overTLS reports whether the client connected over TLS. If expected is true
// the answer is true, regardless of any proxy. X-Forwarded-Proto counts from
// trusted proxies only. Each proxy may append the scheme of its own connection,
// so the first element is the client's.
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
