package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// RowFile is a new SQLite file with one table, "rows", whose columns take values of any type. What is written is in the
// file once it is closed. Only one goroutine may use it.
type RowFile struct {
	db      *sql.DB
	tx      *sql.Tx
	columns []string // nil before the first rows
}

// CreateRowFile makes a new file, accessible to its owner only. Returns an error that matches fs.ErrExist if there is one.
// The caller must close it.
func CreateRowFile(ctx context.Context, path string) (*RowFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_synchronous=full")})
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(fileError(err), db.Close())
	}
	return &RowFile{db: db, tx: tx}, nil
}

// ErrColumns means that rows don't fit into a RowFile.
var ErrColumns = errors.New("the columns don't fit")

// Write adds rows with these columns, which must be the same each time, and whose names must differ. Returns an error that
// matches ErrColumns if not.
func (f *RowFile) Write(ctx context.Context, columns []string, rows [][]any) error {
	if f.columns == nil {
		if err := f.create(ctx, columns); err != nil {
			return err
		}
	}
	if !slices.Equal(f.columns, columns) {
		return fmt.Errorf("%w: they differ from those of the rows before", ErrColumns)
	}
	if len(rows) == 0 {
		return nil
	}
	insert, err := f.tx.PrepareContext(ctx, "INSERT INTO rows VALUES (?"+strings.Repeat(", ?", len(columns)-1)+")")
	if err != nil {
		return fileError(err)
	}
	defer insert.Close()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return fileError(err)
		}
	}
	return nil
}

// create makes the table.
func (f *RowFile) create(ctx context.Context, columns []string) error {
	var quoted, seen []string
	for _, name := range columns {
		folded := strings.ToLower(name)
		if slices.Contains(seen, folded) || name == "" || strings.Contains(name, "\x00") {
			return fmt.Errorf("%w: %q is twice among them, or no name: give names with AS", ErrColumns, name)
		}
		seen, quoted = append(seen, folded), append(quoted, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`)
	}
	if _, err := f.tx.ExecContext(ctx, "CREATE TABLE rows ("+strings.Join(quoted, ", ")+")"); err != nil {
		return fileError(err)
	}
	f.columns = columns
	return nil
}

// Close makes what was written durable.
func (f *RowFile) Close() error {
	return fileError(errors.Join(f.tx.Commit(), f.db.Close()))
}
