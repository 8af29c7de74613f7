package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"tenantry/tenants/bucket"
	"tenantry/tenants/tenantstest/s3server"
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
	t.Run("S3", func(t *testing.T) {
		t.Parallel()
		server := s3server.Start(t)
		f(t, openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: server.Bucket(t, false), Prefix: "deep/er"}))
	})
}

// openS3 opens a bucket with the test server's credentials.
func openS3(t *testing.T, s bucket.S3) bucket.Bucket {
	t.Helper()
	server := s3server.Start(t)
	if s.AccessKey == "" {
		s.AccessKey, s.SecretKey = server.AccessKey, server.SecretKey
	}
	b, err := bucket.OpenS3(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPrefixes: what is listed, replaced and removed in one place is that of the place alone, also if another's name begins
// with its name.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	try := func(t *testing.T, open func(prefix string) bucket.Bucket) {
		t.Helper()
		all := []bucket.Bucket{open("one"), open("one2"), open("one/two")}
		for i, b := range all {
			put(t, b, "tenants/a/x", fmt.Sprint(i))
			put(t, b, "keys/a/k", fmt.Sprint(i))
		}
		if err := all[0].Delete(t.Context(), "tenants/a/x"); err != nil {
			t.Fatal(err)
		}
		if err := all[0].Erase(t.Context(), "keys/a"); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{0, 2, 2} {
			for _, under := range []string{"tenants/", "keys/"} {
				n := 0
				for o, err := range all[i].List(t.Context(), under) {
					if n++; err != nil || get(t, all[i], o.Key) != fmt.Sprint(i) {
						t.Errorf("place %d: %q, %v", i, o.Key, err)
					}
				}
				if n != want/2 {
					t.Errorf("place %d has %d objects below %s", i, n, under)
				}
			}
		}
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		try(t, func(prefix string) bucket.Bucket {
			b, err := bucket.OpenFolder(dir + "/" + prefix)
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
	})
	t.Run("S3", func(t *testing.T) {
		t.Parallel()
		server := s3server.Start(t)
		name := server.Bucket(t, true)
		try(t, func(prefix string) bucket.Bucket {
			return openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name, Prefix: prefix})
		})
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
		if err := b.Put(t.Context(), "a/b", io.MultiReader(strings.NewReader("half"), failing{broken})); !errors.Is(err, broken) || errors.Is(err, bucket.ErrUnavailable) {
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

// TestSizes: what is stored comes back, empty and in many parts.
func TestSizes(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		for _, size := range []int{0, 1, 16 << 20, 40<<20 + 1} {
			content := make([]byte, size)
			random := rand.NewChaCha8([32]byte{byte(size)})
			_, _ = random.Read(content)
			if err := b.Put(t.Context(), "big", io.MultiReader(bytes.NewReader(content))); err != nil {
				t.Fatal(err)
			}
			r, err := b.Get(t.Context(), "big")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back as %d, %v", size, len(got), err)
			}
			r.Close()
			for o, err := range b.List(t.Context(), "") {
				if err != nil || o.Size != int64(size) || time.Since(o.Modified).Abs() > time.Hour {
					t.Errorf("it is listed as %+v, %v", o, err)
				}
			}
		}
	})
}

// TestParts: what follows an offset is read of every kind of bucket, and of a bucket that can't read from an offset.
func TestParts(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		put(t, b, "digits", "0123456789")
		for name, b := range map[string]bucket.Bucket{"itself": b, "read over": struct{ bucket.Bucket }{b}} {
			for offset, want := range map[int64]string{0: "0123456789", 1: "123456789", 9: "9"} {
				r, err := bucket.GetFrom(t.Context(), b, "digits", offset)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || string(got) != want {
					t.Errorf("%s: from %d on it has %q, %v", name, offset, got, err)
				}
				r.Close()
			}
			if _, err := bucket.GetFrom(t.Context(), b, "letters", 1); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: a missing object: %v", name, err)
			}
		}
	})
}

// TestManyObjects: a list that is longer than a page of S3 is whole, can be left, and its objects can be removed.
func TestManyObjects(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		var group errgroup.Group
		group.SetLimit(16)
		var stored []string
		for i := range 2_100 {
			key := fmt.Sprintf("many/%04d", i)
			stored = append(stored, key)
			group.Go(func() error { return b.Put(t.Context(), key, strings.NewReader("x")) })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := keys(t, b, "many/"); !slices.Equal(got, stored) {
			t.Errorf("%d are listed of %d", len(got), len(stored))
		}
		for range b.List(t.Context(), "") {
			break
		}
		if err := b.Delete(t.Context(), stored...); err != nil {
			t.Error(err)
		}
		if got := keys(t, b, ""); len(got) != 0 {
			t.Errorf("%d remain", len(got))
		}
		if err := b.Delete(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestTogether: of several that store under one key at once, one is stored whole.
func TestTogether(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		var group errgroup.Group
		for i := range 8 {
			group.Go(func() error {
				return b.Put(t.Context(), "one/key", strings.NewReader(strings.Repeat(strconv.Itoa(i), 100_000)))
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := get(t, b, "one/key"); len(got) != 100_000 || strings.Trim(got, got[:1]) != "" {
			t.Errorf("it has %d bytes that begin %.10s and end %s", len(got), got, got[len(got)-10:])
		}
	})
}

// TestErase: what is below a prefix is gone, and what is beside it is not.
func TestErase(t *testing.T) {
	t.Parallel()
	buckets(t, func(t *testing.T, b bucket.Bucket) {
		for _, key := range []string{"a/b/c", "a/b/d/e", "a/bc", "a/b-"} {
			put(t, b, key, "x")
		}
		for _, prefix := range []string{"a/b", "a/missing"} {
			if err := b.Erase(t.Context(), prefix); err != nil {
				t.Error(err)
			}
		}
		for _, prefix := range []string{"", "/", "a/", "../a"} {
			if err := b.Erase(t.Context(), prefix); !errors.Is(err, bucket.ErrKey) {
				t.Errorf("%q: %v", prefix, err)
			}
		}
		if got := keys(t, b, ""); !slices.Equal(got, []string{"a/b-", "a/bc"}) {
			t.Errorf("there are %q", got)
		}
	})
}

// TestURLs: a text that is no bucket's URL is refused.
func TestURLs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "/var/backups", "file:", "file://", "file://host/x", "file:relative", "file:///x?y=z", "file:///x#y", "ftp://x/y", "%zz", "http://x/y",
		"s3:", "s3://", "s3:///x", "s3://ab", "s3://Capital", "s3://under_score", "s3://a..b", "s3://-abc", "s3://key:secret@abc", "s3://abc/a//b", "s3://abc/.a",
		"s3://abc/../b", "s3://abc?x=y", "s3://abc?region=", "s3://abc?region=a&region=b", "s3://abc?endpoint=host", "s3://abc?endpoint=ftp://host",
		"s3://abc?endpoint=https://key:secret@host", "s3://abc?endpoint=https://host/path", "s3://abc?endpoint=https://", "s3://abc?path-style=yes", "s3://abc?a;b", "s3://abc:9000",
	} {
		_, err := bucket.Open(t.Context(), text)
		if !errors.Is(err, bucket.ErrURL) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("it tells the password: %v", err)
		}
	}
	for text, want := range map[string]string{
		"file:///var/backups":          "/var/backups",
		"s3://abc":                     "s3://abc/",
		"s3://abc/some/prefix/":        "s3://abc/some/prefix/",
		"s3://a.b-c?region=eu-north-1": "s3://a.b-c/",
		"s3://abc/x?endpoint=http://127.0.0.1:9000&path-style=true&region=r": "http://127.0.0.1:9000/abc/x/",
	} {
		b, err := bucket.Open(t.Context(), text)
		if err != nil || b.String() != want {
			t.Errorf("%q is %v, %v, want %s", text, b, err, want)
		}
	}
}

// TestMissingFolder: a folder that can't be made is unavailable, and used once it can be.
func TestMissingFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), "file://"+file+"/below")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "a", strings.NewReader("x")); !errors.Is(err, bucket.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	put(t, b, "a", "x")
}
