package bucket_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants/backup/bucket"
)

// buckets are the kinds that the contract is tried on.
func buckets(t *testing.T, f func(t *testing.T, b bucket.Bucket)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		b, err := bucket.Open(t.Context(), "file://"+t.TempDir()+"/deep/er")
		if err != nil {
			t.Fatal(err)
		}
		f(t, b)
	})
}

func put(t *testing.T, b bucket.Bucket, key, content string) {
	t.Helper()
	if err := b.Put(t.Context(), key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, b bucket.Bucket, key string) string {
	t.Helper()
	r, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func keys(t *testing.T, b bucket.Bucket, prefix string) (found []string) {
	t.Helper()
	for o, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, o.Key)
	}
	return found
}

// TestBucket is the contract of every bucket.
func TestBucket(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		stored := []string{"a-b/c", "a/0/x.ltx", "a/0/y.ltx", "a/1/x.ltx", "ab/c", "z"}
		for _, key := range slices.Backward(stored) {
			put(t, b, key, "old "+key)
			put(t, b, key, key)
		}
		for prefix, want := range map[string][]string{
			"": stored, "a": stored[:5], "a/": stored[1:4], "a/0/": stored[1:3], "a/0/x": stored[1:2], "b": nil, "a/0/x.ltx/y": nil,
		} {
			if got := keys(t, b, prefix); !slices.Equal(got, want) {
				t.Errorf("with the prefix %q: %q, want %q", prefix, got, want)
			}
		}
		for _, key := range stored {
			if got := get(t, b, key); got != key {
				t.Errorf("%s has %q", key, got)
			}
		}
		if err := b.Delete(t.Context(), "a/0/x.ltx", "a/0/missing", "z"); err != nil {
			t.Error(err)
		}
		if got := keys(t, b, ""); len(got) != 4 {
			t.Errorf("after the removal: %q", got)
		}
		if _, err := b.Get(t.Context(), "z"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removed: %v", err)
		}
	})
}

// TestBrokenPut: what can't be read to its end is not stored, and leaves what was there.
func TestBrokenPut(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		put(t, b, "a/b", "whole")
		broken := errors.New("broken")
		if err := b.Put(t.Context(), "a/b", io.MultiReader(strings.NewReader("half"), failing{broken})); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Put(ended, "a/b", strings.NewReader("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := get(t, b, "a/b"); got != "whole" || len(keys(t, b, "")) != 1 {
			t.Errorf("it has %q, and there are %q", got, keys(t, b, ""))
		}
	})
}

type failing struct{ err error }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestKeys: what could lead out of the bucket is no key.
func TestKeys(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		for _, key := range []string{
			"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.b", ".tmp", "a\x00b", "a b", "a\nb", "ä", "a\\b", strings.Repeat("a", 1001),
		} {
			if err := b.Put(t.Context(), key, strings.NewReader("x")); !errors.Is(err, bucket.ErrKey) {
				t.Errorf("Put %q: %v", key, err)
			}
			if _, err := b.Get(t.Context(), key); !errors.Is(err, bucket.ErrKey) {
				t.Errorf("Get %q: %v", key, err)
			}
			if err := b.Delete(t.Context(), key); !errors.Is(err, bucket.ErrKey) {
				t.Errorf("Delete %q: %v", key, err)
			}
		}
	})
}

// TestFolderIsPrivate: only the owner may read the files.
func TestFolderIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "backups")
	b, err := bucket.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "a/b/c", "x")
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestURLs: a text that is no bucket's URL is refused, and a folder can't be made below a file.
func TestURLs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "/var/backups", "file:", "file://", "file://host/x", "file:relative", "file:///x?y=z", "ftp://x/y", "%zz", "http://x/y"} {
		if _, err := bucket.Open(t.Context(), text); !errors.Is(err, bucket.ErrURL) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := bucket.Open(t.Context(), "file://"+file+"/below"); err == nil || errors.Is(err, bucket.ErrURL) {
		t.Errorf("below a file: %v", err)
	}
}
