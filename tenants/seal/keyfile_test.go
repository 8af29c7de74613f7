package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// writeFile puts content in a file of the mode, whatever the umask.
func writeFile(t *testing.T, content string, mode fs.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadOrCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	text, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(mustParse(t, text).IDs()) != 1 {
		t.Errorf("a new file holds %d keys", len(mustParse(t, text).IDs()))
	}
	again, err := LoadOrCreate(path)
	if err != nil || again != text {
		t.Errorf("the second time the keys are others, or %v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	checkAlone(t, path)
}

// checkAlone finds what else is in a file's folder.
func checkAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%v are in the folder", entries)
	}
}

// TestManyCreateAtOnce: all get the key that stays in the file. They share
// nothing but the folder, like processes.
func TestManyCreateAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(t.TempDir(), "secret.key")
		var texts [8]string
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range texts {
			all.Go(func() {
				<-start
				text, err := LoadOrCreate(path)
				if err != nil {
					t.Error(err)
				}
				texts[i] = text
			})
		}
		close(start)
		all.Wait()
		final, err := LoadOrCreate(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			if text != final {
				t.Errorf("process %d has another key than the file", i)
			}
		}
		checkAlone(t, path)
	}
}

// TestCreateReplacesNothing: a file that came between look and link stays.
func TestCreateReplacesNothing(t *testing.T) {
	t.Parallel()
	path := writeFile(t, textOf("first"), 0o600)
	if err := create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file gives %v", err)
	}
	if text, err := LoadOrCreate(path); err != nil || text != textOf("first") {
		t.Errorf("the file was replaced, or %v", err)
	}
	checkAlone(t, path)
}

func TestKeyFileOfSeveralLines(t *testing.T) {
	t.Parallel()
	content := "# Newest first.\r\n" + textOf("new") + "  # since May\r\n\n\t" + textOf("old") + "\n#" + textOf("lost")
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		text, err := LoadOrCreate(writeFile(t, content, mode))
		if err != nil {
			t.Fatal(err)
		}
		if want := textOf("new") + "," + textOf("old"); text != want {
			t.Errorf("mode %o: the keys are not those of the lines", mode)
		}
	}
}

func TestBadKeyFile(t *testing.T) {
	t.Parallel()
	good := textOf("shibboleth")
	tests := []struct {
		name, content string
		mode          fs.FileMode
		want          string
	}{
		{"empty", "", 0o600, "holds no key: restore it"},
		{"only comments", "# nothing\n\n", 0o600, "holds no key: restore it"},
		{"no key", "hello world\n", 0o600, "the key is not in base64"},
		{"half a key", good[:20], 0o600, "the key is 15 bytes long"},
		{"twice", good + "\n" + good, 0o600, "key 2 of 2 is the same as key 1"},
		{"large", strings.Repeat("#", maxKeyFile+1), 0o600, "is larger than"},
		{"open to the group", good, 0o640, "chmod 600"},
		{"open to all", good, 0o644, "chmod 600"},
		{"open to write", good, 0o602, "chmod 600"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.mode != 0o600 && runtime.GOOS == "windows" {
				t.Skip("modes mean little on Windows")
			}
			path := writeFile(t, test.content, test.mode)
			text, err := LoadOrCreate(path)
			if err == nil || text != "" || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "secret.key") {
				t.Fatalf("error %v, want one with %q and the file's name", err, test.want)
			}
			checkHidden(t, err.Error(), secretOf("shibboleth"))
			if content, err := os.ReadFile(path); err != nil || string(content) != test.content {
				t.Errorf("the file was changed, or %v", err)
			}
		})
	}
}

func TestNoKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "missing", "secret.key"), filepath.Join(dir, "dangling")} {
		if text, err := LoadOrCreate(path); err == nil || text != "" {
			t.Errorf("%s gives %d characters and no error", filepath.Base(path), len(text))
		}
	}
}

// TestKeyFileThroughLink: secrets are often mounted as symbolic links.
func TestKeyFileThroughLink(t *testing.T) {
	t.Parallel()
	path := writeFile(t, textOf("a"), 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if text, err := LoadOrCreate(link); err != nil || text != textOf("a") {
		t.Errorf("error %v, or another key", err)
	}
}
