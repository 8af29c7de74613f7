package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
)

// Latest returns the version of the last migration in fsys: the greatest number at the beginning of
// a file's name. Returns an error if there are no migrations, if two have the same version, or if a
// name has no version.
func Latest(fsys fs.FS) (int64, error) {
	names, err := files(fsys)
	if err != nil {
		return 0, err
	}
	var latest int64
	seen := map[int64]string{}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("version of migration %q: %w", name, err)
		}
		if other, ok := seen[version]; ok {
			return 0, fmt.Errorf("migrations %q and %q have the same version", other, name)
		}
		seen[version] = name
		latest = max(latest, version)
	}
	return latest, nil
}

// Hash returns 16 hex digits that depend on the names and contents of all migrations in fsys.
// Databases made by migrations with the same hash have the same schema.
func Hash(fsys fs.FS) (string, error) {
	names, err := files(fsys)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names {
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return "", fmt.Errorf("read migration: %w", err)
		}
		fmt.Fprintf(sum, "%d %s %d\n%s\n", len(name), name, len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// UpTo returns the migrations in fsys up to and including a version.
func UpTo(fsys fs.FS, version int64) fs.FS { return upTo{fsys, version} }

type upTo struct {
	fs.FS
	version int64
}

var _ fs.GlobFS = upTo{}

// Glob returns the names of the migrations. goose finds them through it.
func (u upTo) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(u.FS, pattern)
	return slices.DeleteFunc(names, func(name string) bool {
		version, err := goose.NumericComponent(name)
		return err == nil && version > u.version
	}), err
}

// files returns the names of the migrations, sorted.
func files(fsys fs.FS) ([]string, error) {
	if fsys == nil {
		return nil, errors.New("no migrations for this dialect")
	}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("no migrations: the folder has no *.sql file")
	}
	return names, nil
}
