package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// addressbook is an example of an application, which the manual quotes.
const addressbook = "testdata/addressbook"

// TestAddressbook runs the example's own tests, in a module that requires this one.
// That module needs what this one needs, so that nothing is fetched.
func TestAddressbook(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a build")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(addressbook)); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	module := "module example.com/addressbook\n\ngo 1.26\n\nrequire tenantry v0.0.0\n\nreplace tenantry => " + root + "\n"
	for name, content := range map[string]string{"go.mod": module, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), "go", "test", "-mod=mod", "./...")
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
