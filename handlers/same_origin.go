package handlers

import (
	"net/http"
	"net/url"
	"strings"
)

// isSameOrigin tells whether a request comes from a page of its own host, from
// no page, or changes nothing. origin is where a host is reached by the
// configuration, empty where that isn't known.
//
// Browsers that say where a page stands (Sec-Fetch-Site) are believed. Of the
// others Origin is compared with Host, and with the configured origin: a proxy
// may have changed the port in Host. Where the configuration says https, a page
// without TLS is another's.
func isSameOrigin(r *http.Request, origin func(host string) string) bool {
	var protection http.CrossOriginProtection
	if protection.Check(r) == nil && (r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") == "" || isSafe(r.Method)) {
		return true
	}
	page, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || page.Host == "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return false
	}
	own, err := url.Parse(origin(hostname(r.Host)))
	switch {
	case err == nil && own.Host != "" && isAt(page, own.Scheme, own.Host):
		return true
	case err == nil && own.Scheme == "https" && page.Scheme != "https" && hostname(own.Host) == hostname(r.Host):
		return false
	}
	return isAt(page, page.Scheme, r.Host)
}

// isSafe tells whether a method changes nothing.
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isAt tells whether a page is at the scheme and host.
func isAt(page *url.URL, scheme, host string) bool {
	at := &url.URL{Scheme: scheme, Host: host}
	return page.Scheme == scheme && hostname(page.Host) == hostname(host) && portOf(page) == portOf(at)
}

// hostname is a host in lower case without port, brackets and trailing dot.
func hostname(host string) string {
	at := &url.URL{Host: host}
	return strings.TrimSuffix(strings.ToLower(at.Hostname()), ".")
}

// portOf is the port of an origin, which may be the scheme's usual one.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
