package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// rowWriter is a tenants.RowWriter on a file that nobody else uses. Its indexes and triggers are made when the rows are
// there.
type rowWriter struct {
	*rowReader
	indexes, triggers []string // the statements that make them
}

var _ tenants.RowWriter = (*rowWriter)(nil)

// newWriter makes the tables of a version in an empty file, which is worth nothing until finish. The caller must close
// the writer.
func newWriter(ctx context.Context, path string, schema tenants.Schema, version int64) (w *rowWriter, err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_txlock=immediate&_foreign_keys=0")})
	db.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	for _, pragma := range []string{"journal_mode=OFF", "synchronous=OFF", "secure_delete=ON", "cache_size=-32768", "cache_spill=ON"} {
		if _, err := db.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return nil, err
		}
	}
	if _, err := migrate.Up(ctx, db, Dialect, migrate.UpTo(schema.Migrations[Dialect], version)); err != nil {
		return nil, err
	}
	r, err := beginRows(ctx, db, schema)
	if err != nil {
		return nil, err
	}
	w = &rowWriter{rowReader: r}
	err = w.postpone(ctx)
	for _, table := range r.tables { // rows that migrations have made
		if err == nil {
			err = w.exec(ctx, "DELETE FROM "+quote(table.Name))
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.tx.Rollback())
	}
	return w, nil
}

// postpone drops the indexes and triggers.
func (w *rowWriter) postpone(ctx context.Context) error {
	rows, err := w.tx.QueryContext(ctx, `SELECT type, name, sql FROM sqlite_master
		WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name <> 'goose_db_version' ORDER BY type`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			return err
		}
		drops = append(drops, "DROP "+kind+" "+quote(name))
		if kind == "index" {
			w.indexes = append(w.indexes, text)
		} else {
			w.triggers = append(w.triggers, text)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.exec(ctx, drops...)
}

func (w *rowWriter) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := w.tx.ExecContext(ctx, statement); err != nil {
			return fileError(err)
		}
	}
	return nil
}

// insertedTogether is how many rows a statement inserts.
const insertedTogether = 32

// Write inserts rows, while fill makes the next ones.
func (w *rowWriter) Write(ctx context.Context, table tenants.Table, fill func(insert func(row []tenants.Value) error) error) error {
	in, err := w.newInserter(ctx, table)
	if err != nil {
		return err
	}
	defer in.close()
	batches, inserted := make(chan []any, 2), make(chan error, 1)
	go func() { inserted <- in.insertAll(context.WithoutCancel(ctx), batches) }()
	n, batch := 0, []any(nil)
	err = fill(func(row []tenants.Value) error {
		if n++; n%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if batch == nil {
			batch = make([]any, 0, insertedTogether*in.width)
		}
		for _, v := range row {
			batch = append(batch, argumentOf(v))
		}
		if len(batch) < insertedTogether*in.width {
			return nil
		}
		batches <- batch
		batch = nil
		return in.failure()
	})
	if err == nil && len(batch) > 0 {
		batches <- batch
	}
	close(batches)
	if failure := <-inserted; failure != nil {
		return failure
	}
	return err
}

// inserter inserts the rows of a table.
type inserter struct {
	table     string
	width     int // columns
	one, many *sql.Stmt
	failed    atomic.Pointer[error]
}

func (w *rowWriter) newInserter(ctx context.Context, table tenants.Table) (in *inserter, err error) {
	in = &inserter{table: table.Name, width: len(table.Columns)}
	marks := "(" + strings.TrimSuffix(strings.Repeat("?, ", in.width), ", ") + ")"
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", quote(table.Name), columnList(table, ""), marks)
	if in.one, err = w.tx.PrepareContext(ctx, insert); err != nil {
		return nil, err
	}
	if in.many, err = w.tx.PrepareContext(ctx, insert+strings.Repeat(", "+marks, insertedTogether-1)); err != nil {
		return nil, errors.Join(err, in.one.Close())
	}
	return in, nil
}

func (in *inserter) close() {
	_ = in.one.Close() // the transaction's end closes them, too
	_ = in.many.Close()
}

// failure returns why rows could not be inserted.
func (in *inserter) failure() error {
	if err := in.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// insertAll inserts the rows of batches until the channel is closed. After an error it only reads them.
func (in *inserter) insertAll(ctx context.Context, batches <-chan []any) error {
	for batch := range batches {
		if in.failure() != nil {
			continue
		}
		if err := in.insert(ctx, batch); err != nil {
			err = rowError(in.table, err)
			in.failed.Store(&err)
		}
	}
	return in.failure()
}

func (in *inserter) insert(ctx context.Context, batch []any) error {
	if len(batch) == insertedTogether*in.width {
		_, err := in.many.ExecContext(ctx, batch...)
		return err
	}
	for row := range slices.Chunk(batch, in.width) {
		if _, err := in.one.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes rows one after another.
func (w *rowWriter) Delete(ctx context.Context, table tenants.Table, fill func(remove func(key []tenants.Value) error) error) (n int64, err error) {
	ctx = context.WithoutCancel(ctx) // fill ends with its own
	statement := "DELETE FROM " + w.name(table)
	if fill == nil {
		return affected(w.tx.ExecContext(ctx, statement))
	}
	prepared, err := w.tx.PrepareContext(ctx, statement+" WHERE "+strings.ReplaceAll(columnList(table.Key(), ""), ", ", " IS ? AND ")+" IS ?")
	if err != nil {
		return 0, err
	}
	defer prepared.Close()
	var args []any
	err = fill(func(key []tenants.Value) error {
		args = args[:0]
		for _, v := range key {
			args = append(args, argumentOf(v))
		}
		gone, err := affected(prepared.ExecContext(ctx, args...))
		n += gone
		return err
	})
	return n, err
}

// affected returns how many rows a statement has changed.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, fileError(err)
	}
	return result.RowsAffected()
}

// rowError returns a *tenants.SourceError for a row that violates a constraint of the table.
func rowError(table string, err error) error {
	if resultCode(err)&0xff == codeConstraint {
		return &tenants.SourceError{Reason: fmt.Sprintf("table %s has rows that violate its constraints: %v", table, err)}
	}
	return fileError(err)
}

// SetSequence sets the sequence of a table with AUTOINCREMENT.
func (w *rowWriter) SetSequence(ctx context.Context, s tenants.Sequence) error {
	var counted int
	err := w.tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ? AND sql LIKE '%AUTOINCREMENT%'`, s.Table).Scan(&counted)
	if err != nil || counted == 0 || s.Last == 0 {
		return err
	}
	result, err := w.tx.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", s.Last, s.Table)
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed > 0 {
		return err
	}
	_, err = w.tx.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", s.Table, s.Last)
	return err
}

// Index makes the indexes.
func (w *rowWriter) Index(ctx context.Context) error {
	for _, statement := range w.indexes {
		if _, err := w.tx.ExecContext(ctx, statement); err != nil {
			return rowError("", err)
		}
	}
	w.indexes = nil
	return nil
}

// finish makes the indexes and triggers, and commits. The caller must still close the writer, and sync the file.
func (w *rowWriter) finish(ctx context.Context) error {
	if err := w.Index(ctx); err != nil {
		return err
	}
	if err := w.exec(ctx, w.triggers...); err != nil {
		return err
	}
	if err := w.tx.Commit(); err != nil {
		return fileError(err)
	}
	return checkForeignKeys(ctx, w.db)
}

// Close closes the file. What was not finished is lost.
func (w *rowWriter) Close() error {
	if err := w.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return errors.Join(err, w.db.Close())
	}
	return w.db.Close()
}
