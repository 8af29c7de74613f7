package s3server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// script runs the server until its standard input is closed, which the end of the test process also does.
const script = `
dir=$1; shift
"$@" >"$dir/log" 2>&1 &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$dir"
`

// launch starts a server, and a listener that forwards to its socket: of a socket, unlike a port, no other process can
// have the address.
func launch(program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "s3server")
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"data", "versions", "meta"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	s := &Server{AccessKey: "test", SecretKey: rand.Text()}
	socket := filepath.Join(dir, "socket")
	cmd := exec.Command("sh", "-c", script, "s3server", dir, program, "--quiet", "--port", socket,
		"posix", "--sidecar", filepath.Join(dir, "meta"), "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data"))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	if s.end, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := await(socket); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	s.Endpoint, err = forward(socket)
	return s, err
}

// await waits until a server listens on the socket.
func await(socket string) error {
	for range 600 {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			return conn.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("it didn't listen within a minute")
}

// forward listens on a port for as long as the process runs, and returns its URL.
func forward(socket string) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go join(client, socket)
		}
	}()
	return "http://" + listener.Addr().String(), nil
}

func join(client net.Conn, socket string) {
	server, err := net.Dial("unix", socket)
	if err != nil {
		client.Close()
		return
	}
	stop := func() { client.Close(); server.Close() }
	go func() { defer stop(); _, _ = io.Copy(server, client) }()
	defer stop()
	_, _ = io.Copy(client, server)
}
