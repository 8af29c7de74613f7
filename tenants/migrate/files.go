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

// Latest is the version of the last migration in fsys: the greatest number
// that a file's name begins with. An fsys without migrations is an error, and
// so are two files of one version and a name without one.
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

// Hash is 16 hex digits that change with the name and the content of every
// migration in fsys. What was made by migrations of the same hash is the same.
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

// Until is the migrations in fsys up to a version.
func Until(fsys fs.FS, version int64) fs.FS { return until{fsys, version} }

type until struct {
	fs.FS
	version int64
}

var _ fs.GlobFS = until{}

// Glob is how migrations are found.
func (u until) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(u.FS, pattern)
	return slices.DeleteFunc(names, func(name string) bool {
		version, err := goose.NumericComponent(name)
		return err == nil && version > u.version
	}), err
}

// files are the names of the migrations, in lexical order.
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
