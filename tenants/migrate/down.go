package migrate

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// NoDownError means that migrations can't be undone, because they have no Down.
type NoDownError struct {
	// Names are the names of their files.
	Names []string
}

// Error names them.
func (e *NoDownError) Error() string {
	return "can't be undone, because there is no Down: " + strings.Join(e.Names, ", ")
}

// CheckDown returns a *NoDownError if a migration after the version to, up to the version from, has no Down. It returns
// an error if to isn't 0 or the version of a migration before from.
func CheckDown(fsys fs.FS, from, to int64) error {
	all, err := Pending(fsys, 0)
	if err != nil {
		return err
	}
	known := to == 0
	missing := &NoDownError{}
	for _, m := range all {
		known = known || m.Version == to
		if m.Version <= to || m.Version > from {
			continue
		}
		content, err := fs.ReadFile(fsys, m.Name)
		if err != nil {
			return fmt.Errorf("read migration: %w", err)
		}
		if !hasDown(content) {
			missing.Names = append(missing.Names, m.Name)
		}
	}
	switch {
	case !known || to >= from:
		return fmt.Errorf("there is no migration with version %d before version %d", to, from)
	case len(missing.Names) > 0:
		return missing
	}
	return nil
}

// hasDown reports whether a migration has statements that undo it.
func hasDown(content []byte) bool {
	isDown := false
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(line, "--") && strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(line, "--")), "+goose Down"):
			isDown = true
		case isDown && line != "" && !strings.HasPrefix(line, "--"):
			return true
		}
	}
	return false
}

// Previous returns the version of the last migration before a version, or 0 if there is none.
func Previous(fsys fs.FS, version int64) (previous int64, err error) {
	all, err := Pending(fsys, 0)
	for _, m := range all {
		if m.Version < version {
			previous = m.Version
		}
	}
	return previous, err
}

// Down undoes the migrations after the version to, the last one first, and returns the database's new version. Each is a
// transaction. Locks, retries and errors are as with Up, except that on SQLite no other caller may migrate the database
// meanwhile. It fails as CheckDown does, and changes nothing then.
func Down(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS, to int64) (int64, error) {
	versions, err := newStore(dialect)
	if err != nil {
		return 0, err
	}
	from, err := versions.current(ctx, db)
	if err != nil || from <= to {
		return from, err
	}
	if err := CheckDown(fsys, from, to); err != nil {
		return from, err
	}
	err = upWithRetries(ctx, time.Second, func() error {
		provider, err := newProvider(db, versions, fsys)
		if err != nil {
			return err
		}
		_, err = provider.DownTo(ctx, to)
		_, err = explain("undo", err, fsys)
		return err
	})
	if err == nil {
		return versions.latest(ctx, db)
	}
	return stoppedAt(ctx, db, versions, err)
}
