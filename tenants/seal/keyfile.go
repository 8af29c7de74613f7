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

// maxKeyFile limits the size of a key file, in bytes. It has room for hundreds of keys.
const maxKeyFile = 64 << 10

// LoadOrCreate returns the keys in the key file at path, as text for ParseKeys. If the file is
// missing, LoadOrCreate creates it, 0600, with a new key, which is durable when LoadOrCreate returns.
// The folder must exist, on a file system with hard links. Several processes may do so at once: all
// get the same key, and none reads an incomplete file, even if one of them dies.
//
// A file has one key per line, the newest first. A # begins a comment. Returns an error that says what
// to do if the file is empty, contains anything else, or is refused by ReadPrivate; it is never
// overwritten.
func LoadOrCreate(path string) (text string, err error) {
	text, err = load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create key file: %w", err)
	}
	// Sync even if another process made the file: the key must not be used before it is certain to
	// survive a power failure.
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

// keysIn returns the keys in a file's lines, separated by commas.
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

// create makes a complete, durable file with a new key at path. Returns fs.ErrExist if there is one:
// a link, unlike a rename, replaces nothing.
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

// syncDir makes new names in a folder durable. On Windows this is neither possible nor needed.
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
