package look

import (
	"net/url"
	"strings"
	"unicode"
)

// LocalPath is text where it is the path of a page of this host, else the
// first page: who signs in must not be sent elsewhere.
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
