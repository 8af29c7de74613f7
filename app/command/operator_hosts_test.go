package command

import (
	"net"
	"net/http"
	"testing"
)

// TestOperatorListenerAnswersItsOwnNames only: a page whose name was made to
// lead here sends that name.
func TestOperatorListenerAnswersItsOwnNames(t *testing.T) {
	t.Parallel()
	srv := newSQLite(t).serve(t, "--operator-hosts=Ops.example.com,dots.example.com.,10.1.2.3,2001:DB8:0::1,[2001:db8::2],::ffff:10.1.2.5", "--public-url=http://localhost:8080")
	_, port, _ := net.SplitHostPort(srv.operator)
	for host, own := range map[string]bool{
		"localhost": true, "LOCALHOST:" + port: true, "localhost.:9": true, srv.operator: true, "127.0.0.1": true, "127.0.0.9:1": true,
		"[::1]:" + port: true, "[::ffff:127.0.0.1]": true, "ops.example.com": true, "OPS.example.com.:443": true, "10.1.2.3": true,
		"evil.example": false, "evil.example:" + port: false, "console.localhost": false, "acme.localhost:" + port: false, ".localhost": false, "dots.example.com": true, "[2001:db8::1]": true, "[2001:DB8:0:0::1]:9": true, "[2001:db8::2]": true, "10.1.2.5": true, "[::ffff:10.1.2.3]": true,
		"evillocalhost": false, "localhost.evil.example": false, "ops.example.com.evil.example": false,
		"203.0.113.9": false, "10.1.2.4": false, "[::2]": false, "0.0.0.0": false, "": false, "127.0.0.1.nip.io": false, "localhost:x": false, "2130706433": false,
	} {
		for _, path := range []string{"/healthz", "/readyz", "/", "/sign-in", "/api/tenants", "/metrics", "/nothing"} {
			r := send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+srv.token(t)+"Connection: close\r\n\r\n")
			if (r.status != http.StatusMisdirectedRequest && r.status != http.StatusBadRequest) != own || own && path == "/readyz" && r.status != http.StatusOK {
				t.Errorf("%s at %q: %d %s", path, host, r.status, r.body)
			}
		}
	}
	r := send(t, srv.operator, "GET /healthz HTTP/1.0\r\n\r\n")
	if r.status != http.StatusMisdirectedRequest {
		t.Errorf("without a host: %d %s", r.status, r.body)
	}
}
