package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tenantry/tenants"
)

// sourcePath returns the existing file of a sqlite:PATH.
func sourcePath(source string) (string, error) {
	path, ok := strings.CutPrefix(source, Dialect+":")
	if !ok || path == "" || strings.ContainsRune(path, 0) {
		return "", &tenants.SourceError{Reason: "the tenant's server is SQLite, so the source must be sqlite:PATH"}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", &tenants.SourceError{Reason: fmt.Sprintf("%s is not a path", path)}
	}
	switch info, err := os.Stat(path); {
	case err != nil && strings.ContainsAny(path, "?@=&"): // the path may contain a mistyped password
		return "", &tenants.SourceError{Reason: "there is no such file; what follows sqlite: is its path, without options"}
	case errors.Is(err, fs.ErrNotExist):
		return "", &tenants.SourceError{Reason: "there is no file " + path}
	case errors.Is(err, fs.ErrPermission):
		return "", &tenants.SourceError{Reason: "this program may not read " + path}
	case err != nil:
		return "", &tenants.SourceError{Reason: path + " can't be read"}
	case !info.Mode().IsRegular():
		return "", &tenants.SourceError{Reason: path + " is not a regular file"}
	}
	return path, nil
}

// copySource copies a database, as it is at one moment, into an empty file. The source may be in use.
// If it is in WAL mode, an empty -wal file may remain beside it. That is harmless, and a reader can't
// remove it.
func copySource(ctx context.Context, path, to string) error {
	if err := vacuumInto(ctx, connector{dsn: dsn(path, "mode=ro")}, to); err != nil {
		return sourceError(ctx, path, err)
	}
	return nil
}

// vacuumInto copies a database, as it is at one moment, into an empty file.
func vacuumInto(ctx context.Context, c connector, to string) (err error) {
	db := sql.OpenDB(c)
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA trusted_schema=OFF"); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// sourceError returns why a source can't be copied.
func sourceError(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	failure := &tenants.SourceError{}
	switch code := resultCode(err); code & 0xff {
	case codeFull:
		return fmt.Errorf("%w: %w", tenants.ErrFull, err)
	case codeBusy, codeLocked:
		failure.Reason, failure.Err = path+" is locked by another program", tenants.ErrUnavailable
	case codeNotADB:
		failure.Reason = path + " is not a SQLite database, or is an encrypted one"
	case codeCorrupt:
		failure.Reason = path + " is damaged"
	case codeReadOnly:
		failure.Reason = path + " was left in the middle of a transaction: open it once with the program that made it"
	case codePerm, codeCantOpen, codeAuth:
		failure.Reason = "this program may not read " + path + ", or may not write to its folder, which WAL mode needs even for reading"
	default:
		failure.Reason = fmt.Sprintf("%s can't be read (SQLite error %d)", path, code)
	}
	return failure
}
