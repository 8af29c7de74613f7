package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"tenantry/tenants"
	"tenantry/tenants/portable"
)

// contentsTable has the contents of files in a portable file, in parts of at most partSize bytes. Each has a part 0.
const (
	contentsTable = "_tenantry_contents"
	partSize      = 256 << 10
)

func (r *rowReader) hasFiles() bool {
	return slices.ContainsFunc(r.tables, func(t tenants.Table) bool { return t.Name == portable.ContentsOf })
}

// WriteContents stores contents.
func (w *fileWriter) WriteContents(ctx context.Context, open func(ctx context.Context, id string) (io.ReadCloser, error)) error {
	if !w.hasFiles() {
		return nil
	}
	if err := w.exec(ctx, "CREATE TABLE "+contentsTable+" (id text NOT NULL, part integer NOT NULL, data blob NOT NULL, PRIMARY KEY (id, part))"); err != nil {
		return fileError(err)
	}
	ids, err := pairsOf(ctx, w.tx, "SELECT id, '' FROM "+portable.ContentsOf+" ORDER BY id")
	if err != nil {
		return err
	}
	for _, id := range ids {
		content, err := open(ctx, id[0])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(w.writeContent(ctx, id[0], content), content.Close())
		}
		if err != nil {
			return fmt.Errorf("file %s: %w", id[0], fileError(err))
		}
	}
	return nil
}

func (w *fileWriter) writeContent(ctx context.Context, id string, content io.Reader) error {
	buffer := make([]byte, partSize)
	for part := 0; ; part++ {
		n, err := io.ReadFull(content, buffer)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		if n > 0 || part == 0 {
			if _, err := w.tx.ExecContext(ctx, "INSERT INTO "+contentsTable+" VALUES (?, ?, ?)", id, part, buffer[:n:n]); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// pairsOf returns the rows of a query for two texts.
func pairsOf(ctx context.Context, tx *sql.Tx, query string) (all [][2]string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var pair [2]string
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	return all, rows.Err()
}

// Contents reads contents.
func (r *fileReader) Contents(ctx context.Context, f func(id, sha256 string, content io.Reader) error) error {
	var tables int
	if err := r.tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = ?", contentsTable).Scan(&tables); err != nil || tables == 0 {
		return err
	}
	found, err := pairsOf(ctx, r.tx, "SELECT id, sha256 FROM "+portable.ContentsOf+" WHERE id IN (SELECT id FROM "+contentsTable+" WHERE part = 0) ORDER BY id")
	if err != nil {
		return err
	}
	for _, file := range found {
		if err := f(file[0], file[1], &contentReader{ctx: ctx, tx: r.tx, id: file[0]}); err != nil {
			return fmt.Errorf("file %s: %w", file[0], err)
		}
	}
	return nil
}

// contentReader reads the parts of a content.
type contentReader struct {
	ctx  context.Context
	tx   *sql.Tx
	id   string
	next int
	part bytes.Reader
}

// Read reads from one part.
func (c *contentReader) Read(p []byte) (int, error) {
	for c.part.Len() == 0 {
		var data []byte
		err := c.tx.QueryRowContext(c.ctx, "SELECT CASE WHEN length(data) <= ? THEN data END FROM "+contentsTable+" WHERE id = ? AND part = ?", partSize, c.id, c.next).Scan(&data)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return 0, io.EOF
		case err != nil:
			return 0, err
		case data == nil:
			return 0, &tenants.SourceError{Reason: "a part of a content is too large"}
		}
		c.next++
		c.part.Reset(data)
	}
	return c.part.Read(p)
}
