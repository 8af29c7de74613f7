package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tenantry/tenants/tenantstest/pgcluster"
)

// envMain makes this test binary the program itself, for tests that need a
// second process.
const envMain = "TENANTRY_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test's process
		stop()
	}()
	os.Exit(Main(ctx, Process{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}))
}

// patience bounds what a test waits for. It is no expectation of speed.
const patience = time.Minute

// site is a master with its tenants, and the environment that leads there.
type site struct {
	environ []string
	dir     string // the data folder
}

// newSQLite is a site with nothing in it.
func newSQLite(t *testing.T) site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	return site{dir: dir, environ: []string{"TENANTRY_DATA_DIR=" + dir}}
}

// newPostgres is a site with nothing in it. Its databases are dropped when the
// test ends.
func newPostgres(t *testing.T) site {
	t.Helper()
	url := pgcluster.Database(t)
	s := newSQLite(t)
	s.environ = append(s.environ, "TENANTRY_DATABASE_URL="+url)
	t.Cleanup(func() { s.dropTenants(t) })
	return s
}

// each runs f on a site of each engine.
func each(t *testing.T, f func(t *testing.T, s site)) {
	t.Helper()
	for name, make := range map[string]func(*testing.T) site{"sqlite": newSQLite, "postgres": newPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, make(t))
		})
	}
}

// config is what the site's environment says.
func (s site) config(t *testing.T, args ...string) Config {
	t.Helper()
	var line commandLine
	if _, err := line.parse(Process{Args: append(args, "version"), Environ: s.environ}); err != nil {
		t.Fatal(err)
	}
	return line.Config
}

// open opens the site in this process. It is closed when the test ends.
func (s site) open(t *testing.T) *App {
	t.Helper()
	a, err := New(t.Context(), s.config(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func (s site) dropTenants(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	a, err := New(ctx, s.config(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(ctx)
	page, _, err := a.manager.List(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range page {
		if err := a.engine.Drop(ctx, &page[i]); err != nil {
			t.Error(err)
		}
	}
}

// files are the names of all files and folders in the data folder, but for
// those that SQLite keeps beside an open database.
func (s site) files(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// result is what a command did.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a command in this process.
func (s site) run(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr buffer
	status := Main(t.Context(), Process{Args: args, Environ: s.environ, Stdout: &stdout, Stderr: &stderr})
	return result{status, stdout.String(), stderr.String()}
}

// must runs a command that has to succeed and returns its output.
func (s site) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.run(t, args...)
	if r.status != exitDone {
		t.Fatalf("tenantry %s: status %d, %s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}

// server is a running "serve".
type server struct {
	public, operator string // addresses
	log              *buffer
	signal           func()   // asks it to stop
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
	srv := &server{log: &buffer{}, signal: cancel, status: make(chan int, 1)}
	go func() {
		status := Main(ctx, Process{Args: serveArgs(args), Environ: s.environ, Stdout: stdout, Stderr: srv.log})
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
	cmd := exec.Command(self, serveArgs(args)...)
	cmd.Env = append(slices.Clone(s.environ), envMain+"=1")
	srv := &server{log: &buffer{}, status: make(chan int, 1)}
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

// waitUntilListening reads the two lines that a server writes, and sees to it
// that it writes no more. What it returns is closed at the end of the output.
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

// get asks the public listener for a path at a tenant's subdomain.
func (srv *server) get(t *testing.T, subdomain, path string) reply {
	t.Helper()
	return send(t, srv.public, "GET "+path+" HTTP/1.1\r\nHost: "+subdomain+".localhost\r\nConnection: close\r\n\r\n")
}

// post sends JSON to the public listener.
func (srv *server) post(t *testing.T, subdomain, path, body string) reply {
	t.Helper()
	return send(t, srv.public, postHead(subdomain, path, len(body))+"\r\n"+body)
}

// send sends the bytes of a request, whatever they are, and reads the answer.
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

// eventually waits until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// postHead is the head of a request with JSON, without the empty line.
func postHead(subdomain, path string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s.localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, subdomain, length)
}
