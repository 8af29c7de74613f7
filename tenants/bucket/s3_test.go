package bucket_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"tenantry/tenants/bucket"
	"tenantry/tenants/tenantstest/s3server"
)

// fault is what a proxy does to a request instead of forwarding it. It returns false to forward it.
type fault func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool

// faulty returns a bucket behind a proxy with a fault.
func faulty(t *testing.T, f fault) bucket.Bucket {
	t.Helper()
	server := s3server.Start(t)
	u, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(u)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f(w, r, forward) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	return openS3(t, bucket.S3{Endpoint: proxy.URL, Bucket: server.Bucket(t, false), Silence: 300 * time.Millisecond})
}

// answer is a fault with a status and a code.
func answer(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		if code != "" {
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>driver's text</Message></Error>")
		}
		return true
	}
}

// silent is a fault without an answer.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
	return true
}

// halfUpload is a fault that breaks the connection in the middle of an upload.
func halfUpload(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if r.ContentLength > 1<<20 {
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		panic(http.ErrAbortHandler)
	}
	return false
}

// large is an object of several parts.
func large() io.Reader { return io.LimitReader(zeros{}, 20<<20) }

type zeros struct{}

// Read returns zeros.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestFaults: what goes wrong is told in a few words of ours, within a bounded time, and nothing is stored.
func TestFaults(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	server := s3server.Start(t)
	name := server.Bucket(t, false)
	for what, test := range map[string]struct {
		bucket bucket.Bucket
		is     error
		says   string
	}{
		"denied":         {faulty(t, answer(http.StatusForbidden, "AccessDenied")), bucket.ErrUnavailable, "the credentials don't allow it"},
		"denied, bare":   {faulty(t, answer(http.StatusForbidden, "")), bucket.ErrUnavailable, "the credentials don't allow it"},
		"full":           {faulty(t, answer(http.StatusInsufficientStorage, "XMinioStorageFull")), bucket.ErrFull, "no room left"},
		"broken":         {faulty(t, answer(http.StatusBadGateway, "")), bucket.ErrUnavailable, "answered 502 Bad Gateway"},
		"strange":        {faulty(t, answer(http.StatusTeapot, "not\na code")), bucket.ErrUnavailable, "answered 418 I'm a teapot"},
		"overloaded":     {faulty(t, answer(http.StatusServiceUnavailable, "SlowDown")), bucket.ErrUnavailable, "answered 503 SlowDown"},
		"silent":         {faulty(t, silent), bucket.ErrUnavailable, "doesn't answer"},
		"lost":           {faulty(t, halfUpload), bucket.ErrUnavailable, "broke the connection"},
		"refused":        {openS3(t, bucket.S3{Endpoint: closed.URL, Bucket: name}), bucket.ErrUnavailable, "refuses the connection"},
		"unknown host":   {openS3(t, bucket.S3{Endpoint: "http://unknown.invalid", Bucket: name}), bucket.ErrUnavailable, "its name isn't known"},
		"unknown bucket": {openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: "unknown"}), bucket.ErrUnavailable, "there is no such S3 bucket"},
		"unknown key":    {openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name, AccessKey: "x", SecretKey: "hunter2"}), bucket.ErrUnavailable, "the credentials are refused"},
		"wrong key":      {openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name, AccessKey: server.AccessKey, SecretKey: "hunter2"}), bucket.ErrUnavailable, "the credentials are refused"},
		"wrong region":   {openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name, Region: "eu-north-1"}), bucket.ErrUnavailable, "in another region"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			err := test.bucket.Put(t.Context(), "a/b", large())
			check(t, "Put", err, test.is, test.says)
			if what == "lost" {
				return // other requests are forwarded
			}
			_, err = test.bucket.Get(t.Context(), "a/b")
			check(t, "Get", err, test.is, test.says)
			for _, err = range test.bucket.List(t.Context(), "a") {
			}
			check(t, "List", err, test.is, test.says)
			check(t, "Delete", test.bucket.Delete(t.Context(), "a/b"), test.is, test.says)
			check(t, "Erase", test.bucket.Erase(t.Context(), "a/b"), test.is, test.says)
			check(t, "Delete many", test.bucket.Delete(t.Context(), "a/b", "c"), test.is, test.says)
		})
	}
}

func check(t *testing.T, what string, err, is error, says string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: got %v, want %q", what, err, says)
	}
	if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "driver's text")) {
		t.Errorf("%s tells too much: %v", what, err)
	}
}

// TestLostOnce: connections that are lost in the middle of an upload or a download cost no object.
func TestLostOnce(t *testing.T) {
	t.Parallel()
	var uploads, downloads atomic.Int32
	b := faulty(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		switch {
		case r.Method == http.MethodPut && uploads.Add(1) == 1:
			return halfUpload(w, r, forward)
		case r.Method == http.MethodGet && downloads.Add(1) <= 2:
			forward.ServeHTTP(&cut{ResponseWriter: w, left: 5 << 20}, r)
			return true
		}
		return false
	})
	if err := b.Put(t.Context(), "a", large()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, "a"); len(got) != 20<<20 || strings.Trim(got, "\x00") != "" {
		t.Errorf("%d bytes came back", len(got))
	}
	if uploads.Load() < 3 || downloads.Load() != 3 {
		t.Errorf("there were %d uploads of parts and %d downloads", uploads.Load(), downloads.Load())
	}
	downloads.Store(0)
	r, err := bucket.GetFrom(t.Context(), b, "a", 7<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); err != nil || n != 13<<20 || downloads.Load() != 3 {
		t.Errorf("%d bytes of the last 13 MiB came back in %d downloads, %v", n, downloads.Load(), err)
	}
}

// cut breaks the connection after some bytes of the answer.
type cut struct {
	http.ResponseWriter
	left int
}

// Write breaks the connection once nothing is left.
func (c *cut) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(p)
}

// TestLostForGood: a download whose connection is always lost ends with an error, and isn't taken for the whole object.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	b := faulty(t, func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if r.Method == http.MethodGet {
			forward.ServeHTTP(&cut{ResponseWriter: w, left: 1 << 20}, r)
			return true
		}
		return false
	})
	if err := b.Put(t.Context(), "a", large()); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if !errors.Is(err, bucket.ErrUnavailable) || n == 20<<20 {
		t.Errorf("%d bytes were read, %v", n, err)
	}
}

// TestNothingIsLeft: an upload that fails leaves no parts on the server, which would cost its operator money.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	name := server.Bucket(t, false)
	b := openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name})
	broken := errors.New("broken")
	if err := b.Put(t.Context(), "a", io.MultiReader(large(), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for upload := range server.Client(t).ListIncompleteUploads(t.Context(), name, "", true) {
		t.Errorf("%s is left, %v", upload.Key, upload.Err)
	}
}

// TestEraseVersions: of objects that were erased the server has no version, while those of others stay.
func TestEraseVersions(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	name := server.Bucket(t, true)
	b := openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name})
	for _, content := range []string{"old", "new"} {
		put(t, b, "keys/a/1", content)
		put(t, b, "keys/ab/1", content)
	}
	if err := b.Delete(t.Context(), "keys/a/1"); err != nil {
		t.Fatal(err)
	}
	if n := versions(t, server, name, "keys/a/1"); n < 2 {
		t.Fatalf("the server keeps %d versions: this test can't fail", n)
	}
	if err := b.Erase(t.Context(), "keys/a"); err != nil {
		t.Fatal(err)
	}
	if n, other := versions(t, server, name, "keys/a/1"), versions(t, server, name, "keys/ab/1"); n != 0 || other != 2 {
		t.Errorf("there are %d versions of it, and %d of another", n, other)
	}
}

// versions counts the versions of an object and their markers of deletion.
func versions(t *testing.T, server *s3server.Server, bucket, key string) (n int) {
	t.Helper()
	for info := range server.Client(t).ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Prefix: key, WithVersions: true, Recursive: true}) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		if info.Key == key {
			n++
		}
	}
	return n
}

// TestCredentials: they are read from the environment or a file of the S3 tools, and there is no way without.
func TestCredentials(t *testing.T) {
	server := s3server.Start(t)
	name := server.Bucket(t, false)
	dir := t.TempDir()
	profile := "[backups]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\n"
	if err := os.WriteFile(filepath.Join(dir, "credentials"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what, says  string
		environment map[string]string
	}{
		{"none", "there are no credentials", nil},
		{"half", "there are no credentials", map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey}},
		{"environment", "", map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey}},
		{"profile", "", map[string]string{"AWS_PROFILE": "backups", "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials")}},
		{"other profile", "there are no credentials", map[string]string{"AWS_PROFILE": "other", "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "credentials")}},
	} {
		t.Run(test.what, func(t *testing.T) {
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
				t.Setenv(variable, test.environment[variable])
			}
			t.Setenv("HOME", dir)
			b, err := bucket.Open(t.Context(), server.URL(name))
			if err != nil {
				t.Fatal(err)
			}
			err = b.Put(t.Context(), "a", strings.NewReader("x"))
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
