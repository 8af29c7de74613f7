package command

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/tenants/tenantstest/wait"
)

// narrow serves acme with room for few clients.
func narrow(t *testing.T, clients int, flags ...string) (*server, *app.App) {
	t.Helper()
	s := newSQLite(t)
	s.create(t, "acme")
	a, err := app.New(t.Context(), s.config(t, append(flags, "--addr=127.0.0.1:0", "--operator-addr=127.0.0.1:0")...),
		app.Options{Log: slog.New(slog.DiscardHandler), Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	return runApp(t, s, a), a
}

// visitor is a client that keeps its connection.
type visitor struct {
	net.Conn
	from *bufio.Reader
}

func visit(t *testing.T, addr, from string) visitor {
	t.Helper()
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return visitor{conn, bufio.NewReader(conn)}
}

const healthRequest = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

func (v visitor) ask(t *testing.T) reply {
	t.Helper()
	if _, err := io.WriteString(v, healthRequest); err != nil {
		t.Fatal(err)
	}
	return receive(t, v, v.from, http.MethodGet)
}

// gone reports whether the server has closed the connection.
func (v visitor) gone(t *testing.T) bool {
	t.Helper()
	_ = v.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := v.from.Peek(1)
	return err == io.EOF
}

// TestIdleClientsMakeRoom has far more clients keep their connections than
// there is room for: each is answered, and the last ones keep theirs.
func TestIdleClientsMakeRoom(t *testing.T) {
	t.Parallel()
	srv, _ := narrow(t, 16)
	var all []visitor
	for i := range 100 {
		v := visit(t, srv.public, fmt.Sprintf("127.0.0.%d", 2+i%100))
		if r := v.ask(t); r.status != http.StatusOK {
			t.Fatalf("client %d: %d %s", i, r.status, r.body)
		}
		all = append(all, v)
	}
	if !all[0].gone(t) {
		t.Error("the first one, which waited longest, was not shown out")
	}
	if r := all[99].ask(t); r.status != http.StatusOK {
		t.Errorf("the last one: %d", r.status)
	}
	if r := send(t, srv.operator, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); r.status != http.StatusOK {
		t.Errorf("operator: %d", r.status)
	}
}

// hold is a client whose request runs until the test is over. Places may still
// be taken for a moment by clients that have gone.
func (srv *server) hold(t *testing.T, from string) (v visitor) {
	t.Helper()
	request := head("POST", "acme", "/api/projects", 40) + srv.bearer(t, "acme") + "Expect: 100-continue\r\n\r\n"
	wait.Until(t, "a place", func() bool {
		v = visit(t, srv.public, from)
		_, err := io.WriteString(v, request)
		if err != nil {
			return false
		}
		line, err := v.from.ReadString('\n')
		return err == nil && strings.Contains(line, "100 Continue")
	})
	return v
}

// TestBusyClientsDontMakeRoom answers clients beyond the bound with 503 while
// the others are at work, however many there are, and lets them in later.
func TestBusyClientsDontMakeRoom(t *testing.T) {
	t.Parallel()
	srv, _ := narrow(t, 4)
	srv.bearer(t, "acme") // signs in
	var busy []visitor
	for i := range 4 {
		busy = append(busy, srv.hold(t, fmt.Sprintf("127.0.0.%d", 2+i)))
	}
	for i := range 2 * spareClients {
		v := visit(t, srv.public, "127.0.1.1")
		r := v.ask(t)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Fatalf("client %d: %d %s", i, r.status, r.body)
		}
	}
	if r := send(t, srv.operator, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); r.status != http.StatusOK {
		t.Errorf("operator: %d", r.status)
	}
	busy[0].Close()
	wait.Until(t, "a place to be free", func() bool { return visit(t, srv.public, "127.0.1.1").ask(t).status == http.StatusOK })
}

// TestSilentClientsDontFillThePlace opens connections and says nothing, or
// little, from many addresses.
func TestSilentClientsDontFillThePlace(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{"nothing": "", "half a head": "GET / HTTP/1.1\r\nHost: acme.loc"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, _ := narrow(t, 16)
			for i := range 2*16 + spareClients {
				if _, err := io.WriteString(visit(t, srv.public, fmt.Sprintf("127.0.0.%d", 2+i)), said); err != nil {
					t.Fatal(err)
				}
			}
			begin := time.Now()
			wait.Until(t, "a visitor to be served", func() bool {
				return visit(t, srv.public, "127.0.1.1").ask(t).status == http.StatusOK
			})
			if took := time.Since(begin); took > readHeaderTimeout {
				t.Errorf("the visitor waited %s", took)
			}
		})
	}
}

// TestAnAddressHasAShare has one address take all that it gets, and another one
// come.
func TestAnAddressHasAShare(t *testing.T) {
	t.Parallel()
	srv, _ := narrow(t, 64)
	srv.bearer(t, "acme")
	for range shareOf64 {
		srv.hold(t, "127.0.0.2")
	}
	r := visit(t, srv.public, "127.0.0.2").ask(t)
	if r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "this address") {
		t.Errorf("one more: %d %s", r.status, r.body)
	}
	if r := visit(t, srv.public, "127.0.0.3").ask(t); r.status != http.StatusOK {
		t.Errorf("another address: %d %s", r.status, r.body)
	}
}

// TestAProxyHasNoShare: behind it are many.
func TestAProxyHasNoShare(t *testing.T) {
	t.Parallel()
	srv, _ := narrow(t, 64, "--trusted-proxies=127.0.0.2/32")
	srv.bearer(t, "acme")
	for range shareOf64 {
		srv.hold(t, "127.0.0.2")
	}
	if r := visit(t, srv.public, "127.0.0.2").ask(t); r.status != http.StatusOK {
		t.Errorf("one more: %d %s", r.status, r.body)
	}
}
