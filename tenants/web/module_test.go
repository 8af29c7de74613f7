package web_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestProgramInAnotherModule builds testdata/addressbook as a module that
// requires this one, runs it on each engine, and asks it.
func TestProgramInAnotherModule(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a build")
	}
	program := buildProgram(t)
	t.Run("sqlite", func(t *testing.T) { ask(t, runProgram(t, program, t.TempDir())) })
	t.Run("postgres", func(t *testing.T) { ask(t, runProgram(t, program, pgcluster.New(t).URL())) })
}

// ask expects what the address book answers.
func ask(t *testing.T, address string) {
	t.Helper()
	for _, test := range []struct {
		method, host, form string
		status             int
	}{
		{http.MethodGet, "acme.localhost", "", http.StatusOK},
		{http.MethodPost, "acme.localhost", "name=Ada&phone=1", http.StatusCreated},
		{http.MethodPost, "acme.localhost", "name=&phone=1", http.StatusUnprocessableEntity},
		{http.MethodGet, "globex.localhost", "", http.StatusNotFound},
	} {
		form, err := url.ParseQuery(test.form)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+address+"/contacts", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = test.host
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, reply); reply.StatusCode != test.status || body == "" {
			t.Errorf("%s %s %q: %d %s", test.method, test.host, test.form, reply.StatusCode, body)
		}
	}
}

// buildProgram returns the path of the program. Its module needs what this one
// needs, so that nothing is fetched.
func buildProgram(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/addressbook")); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	module := "module example.com/addressbook\n\ngo 1.26\n\nrequire tenantry v0.0.0\n\nreplace tenantry => " + root + "\n"
	for name, content := range map[string][]byte{"go.mod": []byte(module), "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", "addressbook", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "addressbook")
}

// runProgram starts the program, which is ended with the test, and returns its
// address.
func runProgram(t *testing.T, program, place string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, place)
	command.Env = append(os.Environ(), "ADDRESSBOOK_KEY="+seal.GenerateKey())
	command.WaitDelay = time.Minute
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() })
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok {
			return address
		}
	}
	t.Fatal("the program ended before it listened")
	return ""
}
