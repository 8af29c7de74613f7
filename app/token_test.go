package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTokenIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, tokenFile)
	tokens := make([]string, 16)
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() {
			var err error
			if tokens[i], err = loadOrCreateToken(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, token := range tokens {
		if token != tokens[0] || tokenFault(token) != "" {
			t.Errorf("%q and %q", tokens[0], token)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left %v", entries)
	}
	if other, err := loadOrCreateToken(filepath.Join(t.TempDir(), tokenFile)); err != nil || other == tokens[0] {
		t.Errorf("another folder has %q, %v", other, err)
	}
}

func TestTokenFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("t", 32)
	for _, test := range []struct {
		content string
		mode    os.FileMode
		want    string
	}{
		{"", 0o600, "is 0 characters long"},
		{"short\n", 0o600, "is 5 characters long"},
		{good + " " + good, 0o600, "a header can't carry"},
		{strings.Repeat("t", 10_000), 0o600, "is larger than"},
		{good, 0o640, "is open to others"},
		{good, 0o604, "is open to others"},
	} {
		path := filepath.Join(t.TempDir(), tokenFile)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := loadOrCreateToken(path)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), good) {
			t.Errorf("%v, want %q", err, test.want)
		}
		if content, _ := os.ReadFile(path); string(content) != test.content {
			t.Errorf("%q was written over", test.content)
		}
	}
}
