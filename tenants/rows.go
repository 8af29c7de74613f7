package tenants

import (
	"context"
	"slices"
)

// Value is a value of a row, as its engine stores it. On Postgres it is Null, or the Text that COPY reads and writes;
// on SQLite it is of any type.
type Value struct {
	Type  ValueType
	Int   int64
	Real  float64
	Bytes []byte // of Text and Blob
}

// ValueType is the type of a Value.
type ValueType byte

// The types of values, which are SQLite's.
const (
	Null ValueType = iota
	Integer
	Real
	Text
	Blob
)

// Table is a table of a tenant's database, without generated columns.
type Table struct {
	Name    string
	Columns []Column
}

// Column is a column of a table.
type Column struct {
	Name string
	// Type is the declared type, in lower case: "datetime" on SQLite, "timestamp with time zone" on Postgres.
	Type string
	// NotNull means that the column accepts no Null.
	NotNull bool
	// Key means that the column is part of the primary key.
	Key bool
}

// Key returns the table with the columns of its primary key only.
func (t Table) Key() Table {
	t.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return !c.Key })
	return t
}

// Sequence is the source of the keys of a table's new rows.
type Sequence struct {
	// Name is the sequence's name on Postgres, and empty on SQLite.
	Name string
	// Table is the table whose keys it makes. It is empty if there is none.
	Table string
	// Last is the last key that it has made, or 0.
	Last int64
}

// RowReader reads all rows of a tenant's database, or of a portable file, as they are at one moment. It leaves out the
// table of migrations and what belongs to the engine. It is not safe for concurrent use.
type RowReader interface {
	// Dialect returns the engine's Dialect.
	Dialect() string
	// Version returns the schema version.
	Version() int64
	// Tables returns the tables, sorted by name.
	Tables() []Table
	// Read calls f for each row of the table. The row is valid until f returns. Read ends with the first error of f.
	Read(ctx context.Context, table Table, f func(row []Value) error) error
	// Sequences returns the sequences.
	Sequences(ctx context.Context) ([]Sequence, error)
	// Close ends the reading.
	Close() error
}

// Snapshot is a RowReader that also tells what has changed since its moment.
type Snapshot interface {
	RowReader
	// Changes begins to read the database as it is now, beside what the snapshot reads. Nothing may be written from now on, and
	// nothing may be read from the snapshot until the changes are closed; the caller must close them first.
	Changes(ctx context.Context) (Changes, error)
}

// Changes read the rows of a database at a later moment than a Snapshot.
type Changes interface {
	RowReader
	// Removed calls f for each row of the snapshot that is no more there as it was. Added calls f for each row that was not
	// there as it is. A row that is as it was may be among both, or among neither. They are independent of each other.
	Removed(ctx context.Context, table Table, f func(row []Value) error) error
	Added(ctx context.Context, table Table, f func(row []Value) error) error
	// Count returns the number of rows of the table.
	Count(ctx context.Context, table Table) (int64, error)
}

// RowWriter writes rows into a new database, which has the tables of its schema version and no rows. Foreign keys are
// checked when it is complete, and no trigger fires.
type RowWriter interface {
	RowReader
	// Write inserts the rows for which fill calls insert. The row may change after insert returns.
	Write(ctx context.Context, table Table, fill func(insert func(row []Value) error) error) error
	// Delete deletes the rows with the keys for which fill calls remove, and returns how many it has deleted. A key has the
	// values of the columns of table.Key. If fill is nil, Delete deletes all rows.
	Delete(ctx context.Context, table Table, fill func(remove func(key []Value) error) error) (int64, error)
	// Index makes the indexes, which are otherwise made when the database is complete. Rows can be written afterwards, too.
	Index(ctx context.Context) error
	// SetSequence makes the sequence of that name or table go on after s.Last. It ignores one that doesn't exist.
	SetSequence(ctx context.Context, s Sequence) error
}

// Loader is the part of an Engine that copies whole databases.
type Loader interface {
	// Rows begins to read the tenant's database as it is at this moment, whatever the tenant's state; scopes
	// go on meanwhile. It uses a connection of its own, and few of them at a time. The caller must close the reader.
	Rows(ctx context.Context, t *Tenant) (Snapshot, error)

	// Load makes the tenant's database at a schema version, with the rows that fill writes. Otherwise it is like Create: it
	// keeps an existing database, without calling fill, and it is atomic and durable. Returns fill's error, or a
	// *SourceError if the rows violate the schema's constraints.
	Load(ctx context.Context, t *Tenant, version int64, fill func(ctx context.Context, into RowWriter) error) error
}
