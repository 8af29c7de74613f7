package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"tenantry/app"
	"tenantry/tenants/tenantstest/wait"
)

// upload is a request whose body is not sent yet. The server runs it already:
// it waits for the body.
type upload struct {
	conn    net.Conn
	answers *bufio.Reader
	body    string
}

// begin sends the head of a request that makes a project, and waits until the
// server asks for the body.
func (srv *server) begin(t *testing.T, subdomain, project string) upload {
	t.Helper()
	body := fmt.Sprintf(`{"name":%q}`, project)
	lines := head("POST", subdomain, "/api/projects", len(body)) + srv.bearer(t, subdomain)
	conn, err := net.DialTimeout("tcp", srv.public, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, lines+"Expect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	u := upload{conn, bufio.NewReader(conn), body}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	line, err := u.answers.ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v; want 100 Continue", line, err)
	}
	if _, err := u.answers.ReadString('\n'); err != nil { // the empty line
		t.Fatal(err)
	}
	return u
}

// finish sends the body and reads the answer.
func (u upload) finish(t *testing.T) reply {
	t.Helper()
	if _, err := io.WriteString(u.conn, u.body); err != nil {
		t.Fatal(err)
	}
	return receive(t, u.conn, u.answers, http.MethodPost)
}

// closed reports whether connections to addr are refused.
func closed(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return true
	}
	conn.Close()
	return false
}

// expectGracefulStop stops a server in the midst of a request: it takes no
// more, is not ready, and finishes that one.
func expectGracefulStop(t *testing.T, s site, srv *server) {
	t.Helper()
	running := srv.begin(t, "acme", "Anvils")
	srv.signal()
	wait.Until(t, "the public listener to close", func() bool { return closed(srv.public) })
	if r := send(t, srv.operator, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); r.status != http.StatusServiceUnavailable {
		t.Errorf("readyz of a stopping server: %d", r.status)
	}
	if r := send(t, srv.operator, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); r.status != http.StatusOK {
		t.Errorf("healthz of a stopping server: %d", r.status)
	}
	if r := running.finish(t); r.status != http.StatusCreated {
		t.Errorf("the running request got %d %s", r.status, r.body)
	}
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d; log: %s", status, srv.log)
	}
	if r := s.serve(t).get(t, "acme", "/api/projects"); !strings.Contains(r.body, "Anvils") {
		t.Errorf("after a restart: %d %s", r.status, r.body)
	}
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		expectGracefulStop(t, s, s.serve(t))
	})
}

func TestGracefulStopOnSIGTERM(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		expectGracefulStop(t, s, s.spawn(t))
	})
}

// TestSlowRequestsAreCutOff lets the time to stop run out.
func TestSlowRequestsAreCutOff(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	a, err := app.New(t.Context(), s.config(t, "--addr=127.0.0.1:0", "--operator-addr=127.0.0.1:0"), app.Options{
		Log: newLog(app.Config{LogLevel: "error"}, t.Output()), Drain: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := runApp(t, s, a)
	running := srv.begin(t, "acme", "Anvils")
	if status := srv.stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
	if _, err := running.answers.ReadByte(); err == nil {
		t.Error("the slow request was answered")
	}
	if r := s.serve(t).get(t, "acme", "/api/projects"); strings.Contains(r.body, "Anvils") {
		t.Errorf("half a request was stored: %s", r.body)
	}
}

// runApp runs an App that a test has changed, and closes it when it is stopped.
func runApp(t *testing.T, s site, a *app.App) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	srv := &server{site: s, log: &buffer{}, signal: cancel, status: make(chan int, 1)}
	listening := make(chan app.Listening, 1)
	go func() {
		err := a.Run(ctx, func(l app.Listening) error { listening <- l; return nil })
		if err = errors.Join(err, a.Close(context.Background())); err != nil {
			t.Error(err)
		}
		srv.status <- status(err)
	}()
	l := <-listening
	srv.public, srv.operator = l.Public.String(), l.Operator.String()
	t.Cleanup(func() { srv.stop(t) })
	return srv
}

func TestStopBeforeServing(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr buffer
	status := Main(ctx, Process{Args: serveArgs([]string{"--demo"}), Environ: s.environ, Stdout: &stdout, Stderr: &stderr})
	if status != exitDone || stdout.String() != "" {
		t.Errorf("status %d, %q, %q", status, stdout.String(), stderr.String())
	}
}

// TestAddressesInUse takes each listener's address away.
func TestAddressesInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"addr", "operator-addr"} {
		s := newSQLite(t)
		r := s.run(t, serveArgs([]string{"--" + flag + "=" + taken.Addr().String()})...)
		if r.status != exitFailed || r.stdout != "" {
			t.Errorf("status %d, %q", r.status, r.stdout)
		}
		for _, part := range []string{taken.Addr().String(), app.EnvName(flag), "--" + flag} {
			if !strings.Contains(r.stderr, part) {
				t.Errorf("%q does not contain %q", r.stderr, part)
			}
		}
	}
}

// TestCommandsBesideAServer creates tenants while a server runs that has just
// told that there are none.
func TestCommandsBesideAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		for subdomain, srv := range map[string]*server{"acme": s.serve(t), "globex": s.spawn(t)} {
			if r := srv.get(t, subdomain, "/api/projects"); r.status != http.StatusNotFound {
				t.Fatalf("%s before it was made: %d", subdomain, r.status)
			}
			s.create(t, subdomain)
			srv.expect(t, subdomain, http.StatusOK)
		}
	})
}

// TestTwoServersOnOneMaster serves a tenant from two processes at once, and from one when the other is killed.
func TestTwoServersOnOneMaster(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		servers := []*server{s.serve(t), s.spawn(t)}
		for i := range 6 {
			if r := servers[i%2].post(t, "acme", "/api/projects", fmt.Sprintf(`{"name":"Project %d"}`, i)); r.status != http.StatusCreated {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if r := servers[(i+1)%2].get(t, "acme", "/api/projects"); !strings.Contains(r.body, fmt.Sprintf("Project %d", i)) {
				t.Errorf("the other server does not see project %d: %s", i, r.body)
			}
		}
		if err := syscall.Kill(servers[1].pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		servers[0].post(t, "acme", "/api/projects", `{"name":"Later"}`).expect(t, http.StatusCreated)
	})
}

// TestLargeHeadsAreRefused on both listeners, before anything looks at them.
func TestLargeHeadsAreRefused(t *testing.T) {
	t.Parallel()
	srv := newSQLite(t).serve(t)
	for _, addr := range []string{srv.public, srv.operator} {
		for size, want := range map[int]bool{8 << 10: true, 24 << 10: false, 128 << 10: false} {
			answer := exchange(t, addr, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Padding: "+strings.Repeat("x", size)+"\r\n\r\n")
			if ok := strings.HasPrefix(answer, "HTTP/1.1 200 "); ok != want {
				t.Errorf("%d bytes: %.100q", size, answer)
			}
		}
	}
}

// exchange sends the bytes of a request to a server that may cut the
// connection off before it has read all, and returns what came back.
func exchange(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, request)
	answer, _ := io.ReadAll(conn)
	return string(answer)
}
