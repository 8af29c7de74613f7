package request

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSameOrigin: what counts is where browsers say that a page stands, else
// the origin by which people reach the host, whatever a proxy made of its port.
func TestSameOrigin(t *testing.T) {
	t.Parallel()
	const public, plain = "https://%:8443", "http://%:8080"
	for _, test := range []struct {
		public, host, origin, site string
		want                       bool
	}{
		{public, "acme.example.com", "https://acme.example.com:8443", "", true},
		{public, "acme.example.com:8443", "https://acme.example.com:8443", "", true},
		{public, "acme.example.com:443", "https://acme.example.com:8443", "", true},
		{public, "ACME.Example.com.", "https://acme.example.com:8443", "", true},
		{public, "acme.example.com:8443", "https://acme.example.com", "", false},
		{public, "acme.example.com", "https://acme.example.com", "", true},
		{public, "acme.example.com:8443", "https://globex.example.com:8443", "", false},
		{public, "acme.example.com", "http://acme.example.com:8443", "", false},
		{public, "acme.example.com:8443", "http://acme.example.com:8443", "", false},
		{public, "acme.example.com", "https://acme.example.com:9", "", false},
		{public, "acme.example.com", "null", "", false},
		{public, "acme.example.com", "https://acme.example.com.evil.example", "", false},
		{public, "acme.example.com", "", "", true},
		{public, "acme.example.com", "https://acme.example.com:8443", "cross-site", false},
		{public, "acme.example.com", "https://acme.example.com:8443", "same-site", false},
		{public, "acme.example.com", "https://elsewhere.example", "same-origin", true},
		{"https://%", "acme.example.com:443", "https://acme.example.com", "", true},
		{"https://%", "acme.example.com", "https://acme.example.com:443", "", true},
		{"https://%", "acme.example.com:8080", "https://acme.example.com", "", true},
		{"http://%", "acme.example.com:80", "http://acme.example.com", "", true},
		{plain, "acme.localhost", "http://acme.localhost:8080", "", true},
		{plain, "acme.localhost:8080", "http://acme.localhost:8080", "", true},
		{plain, "acme.localhost:9090", "http://acme.localhost:9090", "", true},
		{plain, "acme.localhost:8080", "http://acme.localhost:9090", "", false},
		{plain, "acme.localhost", "https://acme.localhost", "", true},
		{"", "[::1]:8081", "http://[::1]:8081", "", true},
		{"", "[::1]:8081", "http://[::2]:8081", "", false},
		{"", "127.0.0.1:8081", "http://127.0.0.1:8081", "", true},
		{"", "127.0.0.1:8081", "http://localhost:8081", "", false},
	} {
		origin := func(host string) string {
			before, after, found := strings.Cut(test.public, "%")
			if !found {
				return ""
			}
			return before + host + after
		}
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = test.host
		for name, value := range map[string]string{"Origin": test.origin, "Sec-Fetch-Site": test.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := isSameOrigin(r, origin); got != test.want {
			t.Errorf("%q at %q from %q (%s): %t", test.public, test.host, test.origin, test.site, got)
		}
		r.Method = "GET"
		if test.site == "" && !isSameOrigin(r, origin) {
			t.Errorf("GET %q from %q is refused", test.host, test.origin)
		}
	}
}
