package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// infoTable describes a portable file.
const infoTable = "_tenantry"

// rowReader is a tenants.RowReader on one connection, in a transaction.
type rowReader struct {
	db      *sql.DB
	tx      *sql.Tx
	version int64
	tables  []tenants.Table
	schema  string // the attached database whose rows it reads; "main" if it is empty
}

var _ tenants.RowReader = (*rowReader)(nil)

// checkEvery is the number of rows after which a copy looks whether its context has ended. The drivers would start a
// goroutine for each row if they got the context.
const checkEvery = 1000

// readRows begins to read the database, which it closes in the end, with an error too.
func (e *Engine) readRows(ctx context.Context, db *sql.DB) (*rowReader, error) {
	r, err := beginRows(ctx, db, e.schema)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// beginRows begins a transaction in the database, which must have one connection. The caller must close the database
// after an error, and else the reader.
func beginRows(ctx context.Context, db *sql.DB, schema tenants.Schema) (*rowReader, error) {
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, err
	}
	r := &rowReader{db: db, tx: tx}
	if r.version, err = migrate.Version(ctx, tx, Dialect, schema.Migrations[Dialect]); err == nil {
		err = r.readTables(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return r, nil
}

// Dialect returns "sqlite".
func (r *rowReader) Dialect() string { return Dialect }

// Version returns the schema version.
func (r *rowReader) Version() int64 { return r.version }

// Tables returns the tables.
func (r *rowReader) Tables() []tenants.Table { return r.tables }

// Close ends the transaction and closes the database.
func (r *rowReader) Close() error { return errors.Join(r.tx.Rollback(), r.db.Close()) }

// tablesQuery lists the application's tables. Those that SQLite keeps for a virtual table are of type shadow.
const tablesQuery = `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
	AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT IN ('goose_db_version', '` + identityTable + `', '` + infoTable + `', '` + contentsTable + `') ORDER BY name`

func (r *rowReader) readTables(ctx context.Context) error {
	rows, err := r.tx.QueryContext(ctx, tablesQuery)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t tenants.Table
		var kind string
		if err := rows.Scan(&t.Name, &kind); err != nil {
			return err
		}
		if kind == "virtual" {
			return fmt.Errorf("table %s is virtual, and only its module can copy it", t.Name)
		}
		r.tables = append(r.tables, t)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i := range r.tables {
		if r.tables[i].Columns, err = r.columnsOf(ctx, r.tables[i].Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *rowReader) columnsOf(ctx context.Context, table string) (columns []tenants.Column, err error) {
	rows, err := r.tx.QueryContext(ctx, `SELECT name, lower(type), "notnull", pk > 0 FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c tenants.Column
		if err := rows.Scan(&c.Name, &c.Type, &c.NotNull, &c.Key); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// Read reads the values as they are stored: a unary plus hides the declared type, by which the drivers would convert.
func (r *rowReader) Read(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return r.query(ctx, table, "SELECT "+columnList(table, "+")+" FROM "+r.name(table), f)
}

// name returns the name of the table in the reader's database.
func (r *rowReader) name(table tenants.Table) string {
	return cmp.Or(r.schema, "main") + "." + quote(table.Name)
}

// query calls f for each row that a query of the table's columns returns.
func (r *rowReader) query(ctx context.Context, table tenants.Table, query string, f func(row []tenants.Value) error) error {
	rows, err := r.tx.QueryContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return readError(err)
	}
	defer rows.Close()
	scanned, into := make([]any, len(table.Columns)), make([]any, len(table.Columns))
	for i := range scanned {
		into[i] = &scanned[i]
	}
	row := make([]tenants.Value, len(scanned))
	for n := 0; rows.Next(); n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := rows.Scan(into...); err != nil {
			return readError(err)
		}
		for i := range scanned {
			if row[i], err = valueOf(scanned[i]); err != nil {
				return fmt.Errorf("table %s, column %s: %w", table.Name, table.Columns[i].Name, err)
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return readError(rows.Err())
}

// readError returns a *tenants.SourceError for a damaged database.
func readError(err error) error {
	if code := resultCode(err) & 0xff; code == codeCorrupt || code == codeNotADB {
		return &tenants.SourceError{Reason: "it is damaged"}
	}
	return err
}

// valueOf returns what a driver returns for a value whose declared type is unknown.
func valueOf(v any) (tenants.Value, error) {
	switch v := v.(type) {
	case nil:
		return tenants.Value{}, nil
	case int64:
		return tenants.Value{Type: tenants.Integer, Int: v}, nil
	case float64:
		return tenants.Value{Type: tenants.Real, Real: v}, nil
	case string:
		return tenants.Value{Type: tenants.Text, Bytes: []byte(v)}, nil
	case []byte:
		return tenants.Value{Type: tenants.Blob, Bytes: v}, nil
	}
	return tenants.Value{}, fmt.Errorf("the driver returned a %T", v)
}

// argumentOf returns a copy of the value as an argument of a statement.
func argumentOf(v tenants.Value) any {
	switch v.Type {
	case tenants.Integer:
		return v.Int
	case tenants.Real:
		return v.Real
	case tenants.Text:
		return string(v.Bytes)
	case tenants.Blob:
		return append([]byte{}, v.Bytes...) // never nil, which would be NULL
	}
	return nil
}

// Sequences returns the sequences of the tables with AUTOINCREMENT.
func (r *rowReader) Sequences(ctx context.Context) (all []tenants.Sequence, err error) {
	var kept int
	if err := r.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+cmp.Or(r.schema, "main")+".sqlite_master WHERE name = 'sqlite_sequence'").Scan(&kept); err != nil || kept == 0 {
		return nil, err
	}
	rows, err := r.tx.QueryContext(ctx, "SELECT name, seq FROM "+r.name(tenants.Table{Name: "sqlite_sequence"})+" WHERE name <> 'goose_db_version'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s tenants.Sequence
		if err := rows.Scan(&s.Table, &s.Last); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// columnList lists the table's columns, each after prefix.
func columnList(table tenants.Table, prefix string) string {
	var names []string
	for _, c := range table.Columns {
		names = append(names, prefix+quote(c.Name))
	}
	return strings.Join(names, ", ")
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
