package command

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tenantry/handlers/auth"
)

// server is a running "serve".
type server struct {
	site             site
	public, operator string // addresses
	log              *buffer
	signal           func()   // asks it to stop
	pid              int      // of spawn
	status           chan int // its exit status, once
}

// serve starts a server in this process and waits until it listens. It is
// stopped when the test ends.
func (s site) serve(t *testing.T, args ...string) *server {
	t.Helper()
	reader, writer := io.Pipe()
	srv := s.start(t, writer, args...)
	srv.waitUntilListening(t, reader)
	return srv
}

// start starts a server in this process, which closes stdout when it ends.
func (s site) start(t *testing.T, stdout io.WriteCloser, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	srv := &server{site: s, log: &buffer{}, signal: cancel, status: make(chan int, 1)}
	go func() {
		status := Main(ctx, Process{
			Args: serveArgs(args), Environ: s.environ, Stdout: stdout, Stderr: srv.log, Options: s.appOptions(), Commands: s.commands,
		})
		stdout.Close()
		srv.status <- status
	}()
	t.Cleanup(func() { srv.stop(t) })
	return srv
}

// spawn is like serve, in another process.
func (s site) spawn(t *testing.T, args ...string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return s.launch(t, exec.Command(self, serveArgs(args)...))
}

// launch starts a command that becomes a server, and waits until it listens. It
// is stopped when the test ends.
func (s site) launch(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	cmd.Env = append(slices.Clone(s.environ), envMain+"=1")
	srv := &server{site: s, log: &buffer{}, status: make(chan int, 1)}
	cmd.Stderr = srv.log
	if _, err := cmd.StdinPipe(); err != nil { // open as long as this process is
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	srv.pid = cmd.Process.Pid
	srv.signal = func() { _ = cmd.Process.Signal(syscall.SIGTERM) }
	t.Cleanup(func() { srv.stop(t) })
	read := srv.waitUntilListening(t, stdout)
	go func() {
		<-read // Wait closes the pipe
		_ = cmd.Wait()
		srv.status <- cmd.ProcessState.ExitCode()
	}()
	return srv
}

func serveArgs(args []string) []string {
	return append([]string{"serve", "--addr=127.0.0.1:0", "--operator-addr=127.0.0.1:0"}, args...)
}

// waitUntilListening reads the two lines that a server writes, and ensures that
// it writes no more. What it returns is closed at the end of the output.
func (srv *server) waitUntilListening(t *testing.T, stdout io.Reader) <-chan struct{} {
	t.Helper()
	lines, end := make(chan string), make(chan struct{})
	go func() {
		defer close(end)
		scanner := bufio.NewScanner(stdout)
		for i := 0; scanner.Scan(); i++ {
			if i >= 2 {
				t.Errorf("more on standard output: %q", scanner.Text())
				continue
			}
			lines <- scanner.Text()
		}
		close(lines)
	}()
	srv.public = srv.address(t, lines, "public listening on http://")
	srv.operator = srv.address(t, lines, "operator listening on http://")
	return end
}

// address is the rest of a line that begins with prefix.
func (srv *server) address(t *testing.T, lines <-chan string, prefix string) string {
	t.Helper()
	select {
	case line := <-lines:
		addr, ok := strings.CutPrefix(line, prefix)
		if !ok {
			t.Fatalf("line %q, want %q…; log: %s", line, prefix, srv.log)
		}
		return addr
	case <-time.After(patience):
		t.Fatalf("server did not start; log: %s", srv.log)
	}
	return ""
}

// stop asks the server to stop and returns its exit status. It may be called
// again.
func (srv *server) stop(t *testing.T) int {
	t.Helper()
	srv.signal()
	select {
	case status := <-srv.status:
		srv.status <- status
		return status
	case <-time.After(patience):
		t.Fatalf("server did not stop; log: %s", srv.log)
		return -1
	}
}

// reply is an answer to a request.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks the public listener for a path at a tenant's subdomain, as its
// admin where there is one.
func (srv *server) get(t *testing.T, subdomain, path string) reply {
	t.Helper()
	return srv.as(t, srv.bearer(t, subdomain), "GET", subdomain, path, "")
}

// post sends JSON to the public listener, as the tenant's admin.
func (srv *server) post(t *testing.T, subdomain, path, body string) reply {
	t.Helper()
	return srv.as(t, srv.bearer(t, subdomain), "POST", subdomain, path, body)
}

// as sends JSON to the public listener, with more header lines.
func (srv *server) as(t *testing.T, lines, method, subdomain, path, body string) reply {
	t.Helper()
	return send(t, srv.public, head(method, subdomain, path, len(body))+lines+"Connection: close\r\n\r\n"+body)
}

// bearer is the header line with a session of the tenant's admin, which a
// site's servers share. Where no user can sign in, the session is an invalid one.
func (srv *server) bearer(t *testing.T, subdomain string) string {
	t.Helper()
	token, ok := srv.site.tokens.Load(subdomain)
	if !ok {
		if token, ok = srv.signIn(t, subdomain, admin(subdomain), password); ok {
			srv.site.tokens.Store(subdomain, token)
		} else {
			token, _ = auth.Mint("nobody", auth.KindSession)
		}
	}
	return fmt.Sprintf("Authorization: Bearer %s\r\n", token)
}

// token is the header line with the operator's generated token.
func (srv *server) token(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(srv.site.dir, "operator.token"))
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: Bearer " + strings.TrimSpace(string(content)) + "\r\n"
}

// signIn begins a session.
func (srv *server) signIn(t *testing.T, subdomain, email, password string) (token string, ok bool) {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
	r := srv.as(t, "", "POST", subdomain, "/api/session", body)
	var session struct{ Token string }
	if r.status == http.StatusCreated {
		if err := json.Unmarshal([]byte(r.body), &session); err != nil {
			t.Fatal(err)
		}
	}
	return session.Token, r.status == http.StatusCreated
}

// send sends any bytes as a request, and reads the reply.
func send(t *testing.T, addr, request string) reply {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return receive(t, conn, bufio.NewReader(conn), request[:strings.IndexByte(request, ' ')])
}

func receive(t *testing.T, conn net.Conn, from *bufio.Reader, method string) reply {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// head is the head of a request with JSON, without the empty line.
func head(method, subdomain, path string, length int) string {
	body := ""
	if length > 0 {
		body = fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", length)
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s.localhost\r\n%s", method, path, subdomain, body)
}
