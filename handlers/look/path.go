package look

import (
	"net/url"
	"strings"
	"unicode"
)

// LocalPath returns text if it is the path of a page on this host, or else the path
// of the first page. A sign-in must not redirect to another host.
func LocalPath(text string) string {
	const home = "/"
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") ||
		strings.ContainsRune(text, '\\') || strings.ContainsFunc(text, unicode.IsControl) {
		return home
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") {
		return home
	}
	if strings.HasPrefix(u.Path, "/api/") || strings.HasPrefix(u.Path, "/sign-") {
		return home
	}
	return u.RequestURI()
}
