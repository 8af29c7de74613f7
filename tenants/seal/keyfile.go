package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxKeyFile bounds a key file, in bytes: hundreds of keys.
const maxKeyFile = 64 << 10

// LoadOrCreate is the text for ParseKeys of the key file at path. A file that
// is missing is made, 0600, with a fresh key that is on disk when LoadOrCreate
// returns; its folder must be there, on a file system with hard links. Of
// several processes that do so at once all get the same key, and none reads
// half a file, whenever one of them dies.
//
// A file holds a key a line, the newest first. What follows a # is a comment.
// One that is empty, holds anything else, or that ReadPrivate refuses is an error
// which says what to do; it is never written over.
func LoadOrCreate(path string) (text string, err error) {
	text, err = load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create key file: %w", err)
	}
	// Also by whoever came second: the key must not be used before it is
	// certain to outlast a power failure.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("create key file: %w", err)
	}
	return load(path)
}

// load reads and checks the keys in the file.
func load(path string) (string, error) {
	content, err := ReadPrivate(path, maxKeyFile)
	if err != nil {
		return "", fmt.Errorf("key file %w", err)
	}
	text := keysIn(string(content))
	if text == "" {
		return "", fmt.Errorf("key file %q holds no key: restore it from a backup; remove it only when nothing was sealed yet", path)
	}
	if _, err := ParseKeys(text); err != nil {
		return "", fmt.Errorf("key file %q: %w", path, err)
	}
	return text, nil
}

// keysIn are the keys of a file's lines, with commas between.
func keysIn(content string) string {
	var keys []string
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			keys = append(keys, line)
		}
	}
	return strings.Join(keys, ",")
}

// create puts a whole, durable file with a new key at path. It returns
// fs.ErrExist when there is one: a link, unlike a rename, replaces nothing.
func create(path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	if err := fill(file, GenerateKey()+"\n"); err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}

// fill writes content to the disk and closes the file.
func fill(file *os.File, content string) error {
	_, err := file.WriteString(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDir makes new names in a folder durable. Windows can't, and needn't.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
