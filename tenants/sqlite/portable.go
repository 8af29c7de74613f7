package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// Files opens portable files of a schema.
type Files struct{ Schema tenants.Schema }

var _ portable.Files = Files{}

// portableID marks a portable file. It spells "TnRp".
const portableID = 0x546e5270

// Create makes a new file, accessible to its owner only.
func (f Files) Create(ctx context.Context, path string, version int64) (portable.FileWriter, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err
	}
	w, err := newWriter(ctx, path, f.Schema, version)
	if err != nil {
		return nil, err
	}
	return &fileWriter{w, path}, nil
}

// Free returns the free bytes on the disk of a folder.
func (Files) Free(dir string) (free int64, known bool) {
	free, total, err := FreeSpace(dir)
	return free, err == nil && total > 0
}

type fileWriter struct {
	*rowWriter
	path string
}

// Finish makes the file complete.
func (w *fileWriter) Finish(ctx context.Context, about map[string]string) error {
	err := w.exec(ctx, "CREATE TABLE "+infoTable+" (name text PRIMARY KEY, value text NOT NULL) WITHOUT ROWID",
		fmt.Sprintf("PRAGMA application_id=%d", portableID))
	for name, value := range about {
		if err == nil {
			_, err = w.tx.ExecContext(ctx, "INSERT INTO "+infoTable+" VALUES (?, ?)", name, value)
		}
	}
	if err == nil {
		err = w.finish(ctx)
	}
	if err != nil {
		return fileError(err)
	}
	file, err := os.Open(w.path) // closing it drops SQLite's locks, which are not needed any more
	if err != nil {
		return err
	}
	return fileError(errors.Join(file.Sync(), file.Close()))
}

// Open opens a file for reading. It must have been made by Create.
func (f Files) Open(ctx context.Context, path string) (portable.FileReader, error) {
	path, err := sourcePath(Dialect + ":" + path)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=ro&_query_only=1"), guarded: true})
	db.SetMaxOpenConns(1)
	r, err := f.open(ctx, db)
	if err != nil {
		if resultCode(err) != 0 {
			err = sourceError(ctx, filepath.Base(path), err)
		}
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

func (f Files) open(ctx context.Context, db *sql.DB) (*fileReader, error) {
	var id, tables int64
	err := db.QueryRowContext(ctx, "SELECT application_id, (SELECT count(*) FROM sqlite_master WHERE name = ?) FROM pragma_application_id", infoTable).Scan(&id, &tables)
	switch {
	case err != nil:
		return nil, err
	case id != portableID || tables != 1:
		return nil, &tenants.SourceError{Reason: "it is not a portable file: it has no table " + infoTable}
	}
	if err := checkSchema(ctx, db, f.Schema, infoTable, contentsTable); err != nil {
		return nil, err
	}
	if err := checkRows(ctx, db); err != nil {
		return nil, err
	}
	r, err := beginRows(ctx, db, f.Schema)
	if err != nil {
		return nil, err
	}
	about, err := readAbout(ctx, r.tx)
	if err != nil {
		return nil, errors.Join(err, r.tx.Rollback())
	}
	return &fileReader{r, about}, nil
}

func readAbout(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, value FROM "+infoTable)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	about := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		about[name] = value
	}
	return about, rows.Err()
}

type fileReader struct {
	*rowReader
	about map[string]string
}

// About returns what the file says about itself.
func (r *fileReader) About() map[string]string { return r.about }
