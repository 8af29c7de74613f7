//go:build unix

package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notPrivate is what can be in the place of a secret's file, whose content is
// good, and a part of what is said of it.
func notPrivate() map[string]struct {
	make func(path string) error
	want string
} {
	type kind = struct {
		make func(path string) error
		want string
	}
	chmod := func(mode os.FileMode) func(string) error {
		return func(path string) error { return os.Chmod(path, mode) }
	}
	instead := func(make func(path string) error) func(string) error {
		return func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return make(path)
		}
	}
	return map[string]kind{
		"readable by a group":    {chmod(0o640), "is open to others"},
		"writable by a group":    {chmod(0o620), "is open to others"},
		"readable by all":        {chmod(0o604), "is open to others"},
		"executable by all":      {chmod(0o601), "is open to others"},
		"another user's":         {func(path string) error { return os.Chown(path, 12345, -1) }, "belongs to another user"},
		"empty":                  {func(path string) error { return os.Truncate(path, 0) }, ""},
		"huge":                   {func(path string) error { return os.Truncate(path, 1<<40) }, "is larger than"},
		"a pipe":                 {instead(func(path string) error { return syscall.Mkfifo(path, 0o600) }), "is not a regular file"},
		"a folder":               {instead(func(path string) error { return os.Mkdir(path, 0o700) }), "is not a regular file"},
		"a device":               {instead(func(path string) error { return syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|5) }), "is not a regular file"},
		"a link to a pipe":       {behindLink(func(path string) error { return syscall.Mkfifo(path, 0o600) }), "is not a regular file"},
		"a link to an open file": {behindLink(func(path string) error { return os.WriteFile(path, []byte("x"), 0o644) }), "is open to others"},
		"another's link":         {func(path string) error { return errors.Join(moveBehindLink(path), os.Lchown(path, 12345, -1)) }, "belongs to another user"},
		"a link to nothing":      {instead(func(path string) error { return os.Symlink("nowhere", path) }), "that doesn't exist"},
		"a link to /dev/zero":    {instead(func(path string) error { return os.Symlink("/dev/zero", path) }), "is not a regular file"},
		"a link to /dev/stdin":   {instead(func(path string) error { return os.Symlink("/dev/stdin", path) }), "is not a regular file"},
		"a link to itself":       {instead(func(path string) error { return os.Symlink(path, path) }), "too many levels of symbolic links"},
		"not text":               {func(path string) error { return os.WriteFile(path, []byte{0, 1, 2, 255}, 0o600) }, ""},
		"many lines of nothing":  {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("\n", 100)), 0o600) }, ""},
	}
}

// moveBehindLink moves a file, and links to it from where it was.
func moveBehindLink(path string) error {
	if err := os.Rename(path, path+".moved"); err != nil {
		return err
	}
	return os.Symlink(path+".moved", path)
}

// behindLink makes a file, and links to it from where the secret was.
func behindLink(make func(path string) error) func(string) error {
	return func(path string) error {
		return errors.Join(os.Remove(path), make(path+".moved"), os.Symlink(path+".moved", path))
	}
}

// TestSecretsBehindLinks starts a server on secrets that are mounted as links.
func TestSecretsBehindLinks(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	s.serve(t).stop(t)
	for _, name := range []string{"secret.key", "operator.token"} {
		if err := moveBehindLink(filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if status := s.serve(t).stop(t); status != exitDone {
		t.Errorf("status %d", status)
	}
}

// TestSecretsInFilesThatAreNotPrivate starts a server on each. It ends at once,
// names the file, and leaves it as it is.
func TestSecretsInFilesThatAreNotPrivate(t *testing.T) {
	t.Parallel()
	installed := newSQLite(t)
	installed.must(t, "tenant", "create", "acme")
	installed.serve(t).stop(t)
	for _, name := range []string{"secret.key", "operator.token"} {
		for what, kind := range notPrivate() {
			t.Run(name+" is "+what, func(t *testing.T) {
				t.Parallel()
				s := newSQLite(t)
				if err := os.CopyFS(s.dir, os.DirFS(installed.dir)); err != nil {
					t.Fatal(err)
				}
				for path, mode := range map[string]os.FileMode{"": 0o700, "secret.key": 0o600, "operator.token": 0o600} { // CopyFS doesn't keep them
					if err := os.Chmod(filepath.Join(s.dir, path), mode); err != nil {
						t.Fatal(err)
					}
				}
				path := filepath.Join(s.dir, name)
				if err := kind.make(path); err != nil {
					t.Skipf("skipped where this can't be made: %v", err)
				}
				before, _ := os.Lstat(path)
				began := time.Now()
				r := s.run(t, serveArgs(nil)...)
				if r.status != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, path) || !strings.Contains(r.stderr, kind.want) {
					t.Errorf("status %d, %q, %q", r.status, r.stdout, r.stderr)
				}
				if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() || after.Size() != before.Size() || time.Since(began) > patience {
					t.Errorf("it was %v and is %v, %v", before, after, err)
				}
			})
		}
	}
}
