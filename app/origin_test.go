package app

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestTenantURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ public, addr, want string }{
		{"", "127.0.0.1:8080", "http://acme.example.com:8080"},
		{"", ":80", "http://acme.example.com"},
		{"", "127.0.0.1:0", "http://acme.example.com"},
		{"", "[::1]:1", "http://acme.example.com:1"},
		{"https://example.com", "127.0.0.1:8080", "https://acme.example.com"},
		{"https://example.com/", "127.0.0.1:8080", "https://acme.example.com"},
		{"https://example.com:443", "127.0.0.1:8080", "https://acme.example.com"},
		{"https://example.com:8443", "127.0.0.1:8080", "https://acme.example.com:8443"},
		{"http://example.com:80", "127.0.0.1:8080", "http://acme.example.com"},
	} {
		c := defaults()
		c.BaseDomain, c.PublicURL = "example.com", test.public
		got, err := c.validate()
		if err != nil {
			t.Fatal(err)
		}
		a := &App{settings: got}
		if got := a.urlAt("acme", test.addr); got != test.want {
			t.Errorf("%q on %s: %s, want %s", test.public, test.addr, got, test.want)
		}
	}
}

// TestTransportSecurity: browsers are told to stay with TLS when they came over
// it, however that is known.
func TestTransportSecurity(t *testing.T) {
	t.Parallel()
	const near, far = "192.0.2.0/24", "10.0.0.0/8" // ask comes from 192.0.2.1
	for _, test := range []struct {
		name, url, trusted, public, proto string
		want, operators                   bool
	}{
		{"plain", "http://x/", near, "", "", false, false},
		{"direct", "https://x/", near, "", "", true, true},
		{"by a proxy", "http://x/", near, "", "https", true, true},
		{"by a proxy, in capitals", "http://x/", near, "", "HTTPS", true, true},
		{"by an untrusted proxy", "http://x/", far, "", "https", false, false},
		{"a list", "http://x/", near, "", "https, http", true, true},
		{"a list without spaces, in capitals", "http://x/", near, "", "HTTPS,http", true, true},
		{"a list that began without TLS", "http://x/", near, "", "http,https", false, false},
		{"a list of an untrusted proxy", "http://x/", far, "", "https,http", false, false},
		{"public URL and a list", "http://x/", near, "https://localhost", "https,http", true, true},
		{"public URL and nonsense", "http://x/", near, "https://localhost", ",;", true, false},
		{"public URL", "http://x/", far, "https://localhost", "", true, false},
		{"public URL, and a stranger says otherwise", "http://x/", far, "https://localhost", "http", true, false},
		{"public URL, and a proxy says otherwise", "http://x/", near, "https://localhost", "http", true, false},
	} {
		c := defaults()
		c.TrustedProxies, c.PublicURL = []string{test.trusted}, test.public
		s, err := c.validate()
		if err != nil {
			t.Fatal(err)
		}
		a := &App{settings: s, log: slog.New(slog.DiscardHandler)}
		for _, listener := range []struct {
			tls  func(*gin.Context) bool
			want bool
		}{{a.publicTLS, test.want}, {a.operatorTLS, test.operators}} {
			r := a.newRouter(listener.tls, maxImport)
			r.GET("/", healthy)
			var headers []string
			if test.proto != "" {
				headers = []string{"X-Forwarded-Proto", test.proto}
			}
			got := ask(r, http.MethodGet, test.url, headers...).Header().Get("Strict-Transport-Security")
			if (got != "") != listener.want {
				t.Errorf("%s: %q, want one: %t", test.name, got, listener.want)
			}
		}
	}
}
