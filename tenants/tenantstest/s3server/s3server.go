// Package s3server gives tests a real S3 server, which checks signatures: versitygw, a throwaway one in a folder of its
// own. It ends when the test process ends, however it ends.
package s3server

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Environment variables that the package reads.
const (
	// EnvProgram is the path of versitygw, which is otherwise looked for in PATH.
	EnvProgram = "TENANTRY_TEST_VERSITYGW"
	// EnvRequire is a comma-separated list of tests that must not be skipped: "s3".
	EnvRequire = "TENANTRY_TEST_REQUIRE"
)

// Install is the command that installs the server, and its version.
const Install = "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// Server is a running S3 server.
type Server struct {
	// Endpoint is the server's URL, http://127.0.0.1:PORT.
	Endpoint string
	// AccessKey and SecretKey are the credentials of the one account.
	AccessKey, SecretKey string

	end io.Closer // the server's standard input: were it collected as garbage, the server would end
}

// shared is the process's one server.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Start returns the server that all tests of a process share. If versitygw is not installed Start skips the test, or
// fails it if TENANTRY_TEST_REQUIRE requires S3.
func Start(t testing.TB) *Server {
	t.Helper()
	program := os.Getenv(EnvProgram)
	if program == "" {
		program = "versitygw"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		skip(t)
	}
	shared.once.Do(func() { shared.server, shared.err = launch(program) })
	if shared.err != nil {
		t.Fatalf("start an S3 server: %v", shared.err)
	}
	return shared.server
}

func skip(t testing.TB) {
	t.Helper()
	hint := fmt.Sprintf("there is no S3 server: run %q and put it in PATH, or set %s", Install, EnvProgram)
	if slices.Contains(strings.Split(os.Getenv(EnvRequire), ","), "s3") {
		t.Fatalf("%s requires S3: %s", EnvRequire, hint)
	}
	t.Skip(hint)
}

// Environ returns the environment variables that programs need to use the server.
func (s *Server) Environ() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey, "AWS_SESSION_TOKEN="}
}

// Bucket creates an S3 bucket and returns its name. With versions, the server keeps what is replaced or deleted.
func (s *Server) Bucket(t testing.TB, versions bool) string {
	t.Helper()
	client := s.Client(t)
	name := "test-" + strings.ToLower(rand.Text())
	err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{})
	if err == nil && versions {
		err = client.EnableVersioning(t.Context(), name)
	}
	if err != nil {
		t.Fatalf("create an S3 bucket: %v", err)
	}
	return name
}

// URL returns the URL of an S3 bucket on the server, as TENANTRY_BACKUP_URL takes it.
func (s *Server) URL(bucket string) string {
	return "s3://" + bucket + "?" + url.Values{"endpoint": {s.Endpoint}}.Encode()
}

// Client returns a client of the server's account.
func (s *Server) Client(t testing.TB) *minio.Client {
	t.Helper()
	client, err := minio.New(strings.TrimPrefix(s.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
