package command

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// TestSlowReadersHoldNothing has clients ask for a large reply and not read it,
// while the only handle serves others, and another client writes.
func TestSlowReadersHoldNothing(t *testing.T) {
	t.Parallel()
	srv, a := narrow(t, 64, "--max-open-tenants=2")
	for i := range 40 { // a page of the list is 1.6 MB
		body := fmt.Sprintf(`{"name":"Project %d","description":"%s"}`, i, strings.Repeat("漢", 10_000))
		if r := srv.post(t, "acme", "/api/projects", body); r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	bearer := srv.bearer(t, "acme")
	for i := range 8 {
		v := visit(t, srv.public, fmt.Sprintf("127.0.0.%d", 2+i))
		_ = v.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		if _, err := io.WriteString(v, strings.Repeat(head("GET", "acme", "/api/projects", 0)+bearer+"\r\n", 8)); err != nil {
			t.Fatal(err)
		}
		if _, err := v.from.Peek(1); err != nil { // the reply has begun
			t.Fatal(err)
		}
	}
	wait.Until(t, "all leases to be given back", func() bool { return a.Store().Load().Leased == 0 })
	if r := srv.post(t, "acme", "/api/projects", `{"name":"Beside slow readers"}`); r.status != http.StatusCreated {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestSlowBodiesOfOperatorsEnd is TestSlowBodiesEnd on the operator's listener.
func TestSlowBodiesOfOperatorsEnd(t *testing.T) {
	t.Parallel()
	srv := newSQLite(t).serve(t)
	for name, header := range map[string]string{"API": "POST /api/tenants HTTP/1.1\r\nContent-Type: application/json\r\n" + srv.token(t),
		"console": "POST /sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := withhold(t, srv.operator, header+"Host: localhost\r\nContent-Length: 40\r\n\r\n{")
			if r.status != http.StatusRequestTimeout {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}
