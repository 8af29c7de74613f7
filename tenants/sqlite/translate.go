package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// dialector is gorm's dialector with a translation of errors that keeps the cause.
type dialector struct{ *sqlite.Dialector }

var (
	_ gorm.ErrorTranslator               = dialector{}
	_ gorm.SavePointerDialectorInterface = dialector{}
)

func newDialector(db *sql.DB) gorm.Dialector {
	return dialector{&sqlite.Dialector{Conn: db}}
}

// Translate wraps err with the gorm or tenants error that it stands for.
func (dialector) Translate(err error) error {
	if sentinel := sentinelOf(err); sentinel != nil && !errors.Is(err, sentinel) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}

// Primary and extended result codes, https://www.sqlite.org/rescode.html.
const (
	codePerm       = 3
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeIOErr      = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCantOpen   = 14
	codeAuth       = 23
	codeNotADB     = 26
	codeConstraint = 19

	codeCheck      = 275
	codeForeignKey = 787
	codePrimaryKey = 1555
	codeNotNull    = 1299
	codeUnique     = 2067
	codeRowID      = 2579
)

// sentinelOf returns the gorm or tenants error that err stands for, or nil.
func sentinelOf(err error) error {
	code := resultCode(err)
	switch code {
	case codeUnique, codePrimaryKey, codeRowID:
		return gorm.ErrDuplicatedKey
	case codeForeignKey:
		return gorm.ErrForeignKeyViolated
	case codeCheck, codeNotNull:
		return gorm.ErrCheckConstraintViolated
	}
	if cause := systemError(err); code != 0 && (cause == syscall.ENOSPC || cause == syscall.EDQUOT) {
		return tenants.ErrFull // SQLite may call this an error of reading or opening
	}
	switch code & 0xff {
	case codeBusy, codeLocked:
		return tenants.ErrRetryable
	case codeReadOnly:
		return tenants.ErrReadOnly
	case codeFull:
		return tenants.ErrFull
	case codePerm, codeIOErr, codeCorrupt, codeCantOpen, codeNotADB:
		return tenants.ErrUnavailable
	}
	return nil
}

// unavailable wraps an error of opening a database with ErrUnavailable, or with ErrFull if the disk has
// no room for the sidecars. It leaves an error of a cancelled context alone.
func unavailable(err error) error {
	if sentinelOf(err) == tenants.ErrFull {
		return fmt.Errorf("%w: %w", tenants.ErrFull, err)
	}
	if errors.Is(err, tenants.ErrFull) || errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrSchemaVersion) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
}

// fileError wraps an error of a file operation with ErrFull or ErrUnavailable.
func fileError(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", tenants.ErrFull, err)
	case errors.As(err, &path), errors.As(err, &link):
		return fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
	}
	return err
}
