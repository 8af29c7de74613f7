package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// rowStream reads and writes the rows of a database in the transaction of a session.
type rowStream struct {
	*session
	schema  string // in which the tables are
	version int64
	tables  []tenants.Table
	indexes []string // the statements that make those which were dropped
	release func()   // called by Close
}

var _ tenants.RowWriter = (*rowStream)(nil)

// streamRows reads the version and the tables. The caller must close the session after an error.
func streamRows(ctx context.Context, s *session, schema tenants.Schema, release func()) (*rowStream, error) {
	r := &rowStream{session: s, release: release}
	err := s.tx.QueryRowContext(ctx, "SELECT current_schema()").Scan(&r.schema)
	if err == nil {
		r.version, err = migrate.Version(ctx, s.tx, Dialect, schema.Migrations[Dialect])
	}
	if err == nil {
		err = r.readTables(ctx)
	}
	return r, err
}

// Dialect returns "postgres".
func (r *rowStream) Dialect() string { return Dialect }

// Version returns the schema version.
func (r *rowStream) Version() int64 { return r.version }

// Tables returns the tables.
func (r *rowStream) Tables() []tenants.Table { return r.tables }

// Close rolls back, unless the session was committed, and disconnects.
func (r *rowStream) Close() error {
	r.close()
	r.release()
	return nil
}

// columnsQuery lists the columns of the tables in the schema. A domain has the type below it.
const columnsQuery = `SELECT relname::text, attname::text,
		format_type(CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END, NULL), attnotnull,
		EXISTS (SELECT 1 FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary AND attnum = ANY (indkey))
	FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid JOIN pg_type ON pg_type.oid = atttypid
	WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
		AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
	ORDER BY relname COLLATE "C", attnum`

func (r *rowStream) readTables(ctx context.Context) error {
	rows, err := r.tx.QueryContext(ctx, columnsQuery)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		var c tenants.Column
		if err := rows.Scan(&table, &c.Name, &c.Type, &c.NotNull, &c.Key); err != nil {
			return err
		}
		if n := len(r.tables); n == 0 || r.tables[n-1].Name != table {
			r.tables = append(r.tables, tenants.Table{Name: table})
		}
		last := &r.tables[len(r.tables)-1]
		last.Columns = append(last.Columns, c)
	}
	return rows.Err()
}

// Read reads a table with COPY.
func (r *rowStream) Read(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return r.read(ctx, table, r.copied(table), f)
}

// read reads rows of the table with a COPY of what is named or selected.
func (r *rowStream) read(ctx context.Context, table tenants.Table, what string, f func(row []tenants.Value) error) error {
	var failure error
	rows := &rowSplitter{row: make([]tenants.Value, len(table.Columns)), f: func(row []tenants.Value) error {
		failure = f(row)
		return failure
	}}
	err := r.raw(func(c *pgconn.PgConn) error {
		_, err := c.CopyTo(ctx, rows, "COPY "+what+" TO STDOUT")
		return err
	})
	if failure != nil {
		return failure
	}
	return translate(err)
}

// copied returns the table and its columns, for COPY.
func (r *rowStream) copied(table tenants.Table) string {
	return fmt.Sprintf("%s (%s)", r.nameOf(table.Name), strings.Join(columnNames(table), ", "))
}

// nameOf returns the qualified name of a table or sequence.
func (r *rowStream) nameOf(object string) string { return pgx.Identifier{r.schema, object}.Sanitize() }

func columnNames(table tenants.Table) (names []string) {
	for _, c := range table.Columns {
		names = append(names, pgx.Identifier{c.Name}.Sanitize())
	}
	return names
}

// errNoMoreRows tells the server that the rows can't be made. The server writes it into its log; the caller gets
// the cause.
var errNoMoreRows = errors.New("the rows can't be read")

// Write inserts rows with COPY.
func (r *rowStream) Write(ctx context.Context, table tenants.Table, fill func(insert func(row []tenants.Value) error) error) error {
	return r.write(ctx, r.copied(table), fill)
}

// write inserts rows with a COPY into what is named.
func (r *rowStream) write(ctx context.Context, into string, fill func(insert func(row []tenants.Value) error) error) error {
	reader, writer := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		var line []byte
		buffered := bufio.NewWriterSize(writer, 64<<10)
		err := fill(func(row []tenants.Value) error {
			line = appendRow(line[:0], row)
			_, err := buffered.Write(line)
			return err
		})
		if err == nil {
			err = buffered.Flush()
		}
		filled <- err
		if err != nil {
			err = errNoMoreRows
		}
		writer.CloseWithError(err) // always nil
	}()
	err := r.raw(func(c *pgconn.PgConn) error {
		_, err := c.CopyFrom(ctx, reader, "COPY "+into+" FROM STDIN")
		return err
	})
	_ = reader.CloseWithError(errStopped) // always nil
	if failure := <-filled; failure != nil && !errors.Is(failure, errStopped) {
		return failure
	}
	return translate(constraintError(err))
}

// Delete copies the keys into a temporary table.
func (r *rowStream) Delete(ctx context.Context, table tenants.Table, fill func(remove func(key []tenants.Value) error) error) (int64, error) {
	if fill == nil {
		return r.deleteRows(ctx, "DELETE FROM "+r.nameOf(table.Name))
	}
	keys := columnNames(table.Key())
	list := strings.Join(keys, ", ")
	if _, err := r.tx.ExecContext(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE gone AS SELECT %s FROM %s WITH NO DATA", list, r.nameOf(table.Name))); err != nil {
		return 0, translate(err)
	}
	if err := r.write(ctx, fmt.Sprintf("pg_temp.gone (%s)", list), fill); err != nil {
		return 0, err
	}
	var same []string
	for _, key := range keys {
		same = append(same, fmt.Sprintf("t.%[1]s = gone.%[1]s", key))
	}
	n, err := r.deleteRows(ctx, fmt.Sprintf("DELETE FROM %s AS t USING pg_temp.gone WHERE %s", r.nameOf(table.Name), strings.Join(same, " AND ")))
	if err == nil {
		_, err = r.tx.ExecContext(ctx, "DROP TABLE pg_temp.gone")
	}
	return n, translate(err)
}

// deleteRows returns how many rows a statement has deleted.
func (r *rowStream) deleteRows(ctx context.Context, statement string) (int64, error) {
	result, err := r.tx.ExecContext(ctx, statement)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

// Index makes the indexes that were dropped before the rows came. From now on, no constraint is deferred.
func (r *rowStream) Index(ctx context.Context) error {
	for _, statement := range append([]string{"SET CONSTRAINTS ALL IMMEDIATE"}, r.indexes...) {
		if _, err := r.tx.ExecContext(ctx, statement); err != nil {
			return translate(constraintError(err))
		}
	}
	r.indexes = nil
	return nil
}

// sequencesQuery lists the sequences with the tables to which they belong.
const sequencesQuery = `SELECT s.relname::text, coalesce(t.relname::text, '')
	FROM pg_class s LEFT JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = s.oid AND refobjsubid > 0 AND deptype IN ('a', 'i')
		LEFT JOIN pg_class t ON t.oid = refobjid
	WHERE s.relnamespace = current_schema()::regnamespace AND s.relkind = 'S' AND s.relname <> 'goose_db_version_id_seq'`

// Sequences reads the sequences. These belong to no snapshot, and are never behind rows that were read before.
func (r *rowStream) Sequences(ctx context.Context) (all []tenants.Sequence, err error) {
	found, err := r.pairs(ctx, sequencesQuery)
	if err != nil {
		return nil, err
	}
	for _, pair := range found {
		s := tenants.Sequence{Name: pair[0], Table: pair[1]}
		err := r.tx.QueryRowContext(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM "+
			r.nameOf(s.Name)).Scan(&s.Last)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// SetSequence sets the sequence of that name, or else those of the table, unless they are further on.
func (r *rowStream) SetSequence(ctx context.Context, s tenants.Sequence) error {
	if s.Last < 1 {
		return nil
	}
	_, err := r.tx.ExecContext(ctx, `SELECT setval(format('%I.%I', current_schema(), name)::regclass, $3::bigint) FROM (`+sequencesQuery+`) AS known (name, of)
		WHERE CASE $1::text WHEN '' THEN of = $2::text ELSE name = $1::text END`, s.Name, s.Table, s.Last)
	return err
}

// keysQuery lists the columns whose values sequences make.
const keysQuery = `SELECT format('%I.%I', current_schema(), s.relname), format('SELECT max(%I) FROM %I.%I', attname, current_schema(), t.relname)
	FROM pg_class s JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = s.oid AND refobjsubid > 0 AND deptype IN ('a', 'i')
		JOIN pg_class t ON t.oid = refobjid JOIN pg_attribute ON attrelid = t.oid AND attnum = refobjsubid
	WHERE s.relnamespace = current_schema()::regnamespace AND s.relkind = 'S' AND t.relname <> 'goose_db_version'`

// passKeys brings each sequence behind the greatest key of its table: SQLite makes keys also without one.
func (r *rowStream) passKeys(ctx context.Context) error {
	keys, err := r.pairs(ctx, keysQuery)
	if err != nil {
		return err
	}
	for _, key := range keys {
		_, err := r.tx.ExecContext(ctx, fmt.Sprintf(`SELECT setval('%s'::regclass, greatest) FROM (%s) AS keys (greatest), %s
			WHERE greatest >= last_value`, strings.ReplaceAll(key[0], "'", "''"), key[1], key[0]))
		if err != nil {
			return err
		}
	}
	return nil
}
