package portable

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"tenantry/tenants"
)

// Options configure a copy.
type Options struct {
	// Schema has the models of the databases.
	Schema tenants.Schema
	// Omit names what is not copied, as TABLE or TABLE.COLUMN. The target has no rows there, or NULL. One of the databases
	// may lack such a table.
	Omit []string
	// Expected are the sums of the source's rows, or nil if they are not known.
	Expected []Sum
	// Contents opens the contents of the tenant's files by their ids, for Write. If it is nil, the file has none.
	Contents func(ctx context.Context, id string) (io.ReadCloser, error)
	// Progress is called when so many of all tables are copied. It may be nil.
	Progress func(done, all int)
}

// ValueError means that a value can't be copied.
type ValueError struct {
	Table, Column string
	// Row describes the row, by its id if it has one.
	Row string
	// Reason says why not.
	Reason string
}

// Error names the value and the reason.
func (e *ValueError) Error() string {
	return fmt.Sprintf("table %s, column %s of %s: %s", e.Table, e.Column, e.Row, e.Reason)
}

// DamagedError means that the rows of a table are not those that they should be.
type DamagedError struct {
	Table string
	// Want and Got count the rows.
	Want, Got int64
	// Source means that it is the source that has other rows than when it was written.
	Source bool
}

// Error says what is wrong.
func (e *DamagedError) Error() string {
	what := "the copy of table " + e.Table
	if e.Source {
		what = "table " + e.Table
	}
	if e.Want != e.Got {
		return fmt.Sprintf("%s has %d rows and should have %d", what, e.Got, e.Want)
	}
	return fmt.Sprintf("%s has other rows than it should have", what)
}

// Copy copies all rows and the sequences of one database to another at the same schema version, then reads the copy and
// compares it with what was read from the source. It needs no memory that grows with the rows. It returns the sums of
// the copy's rows.
//
// Returns a *tenants.SchemaError if the databases don't have the same tables, a *ValueError for a value that the target
// can't store, and a *DamagedError if the rows differ from what was expected or read.
func Copy(ctx context.Context, from tenants.RowReader, into tenants.RowWriter, o Options) ([]Sum, error) {
	all, err := match(from, into, o)
	if err != nil {
		return nil, err
	}
	expected := map[string]Sum{}
	for _, sum := range o.Expected {
		expected[sum.Table] = sum
	}
	var sums []Sum
	for i, t := range all {
		c := copier{tables: t, from: from, into: into}
		sum, err := c.copy(ctx)
		if err == nil && o.Expected != nil {
			err = compare(expected[t.from.Name], c.stored.sum(t.from.Name), true)
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
		if o.Progress != nil {
			o.Progress(i+1, len(all))
		}
	}
	return sums, copySequences(ctx, from, into)
}

// compare returns a *DamagedError if the sums differ.
func compare(want, got Sum, source bool) error {
	if want.Rows == got.Rows && want.Hash == got.Hash {
		return nil
	}
	return &DamagedError{got.Table, want.Rows, got.Rows, source}
}

func copySequences(ctx context.Context, from tenants.RowReader, into tenants.RowWriter) error {
	sequences, err := from.Sequences(ctx)
	if err != nil {
		return err
	}
	for _, s := range sequences {
		if from.Dialect() != into.Dialect() {
			s.Name = ""
		}
		if err := into.SetSequence(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// copier copies a table.
type copier struct {
	tables
	from      tenants.RowReader
	into      tenants.RowWriter
	converted []tenants.Value
	stored    hasher // of the source, as stored
	read      hasher // of the source, by meaning
}

// copy copies the rows, and compares them.
func (c *copier) copy(ctx context.Context) (Sum, error) {
	if !c.omit {
		if err := c.insert(ctx, func(f func(row []tenants.Value) error) error { return c.from.Read(ctx, c.tables.from, f) }); err != nil {
			return Sum{}, err
		}
	}
	return c.compare(ctx)
}

// insert inserts the rows of the source that read reads.
func (c *copier) insert(ctx context.Context, read func(f func(row []tenants.Value) error) error) error {
	c.converted = make([]tenants.Value, len(c.columns))
	return c.into.Write(ctx, c.tables.into, func(insert func(row []tenants.Value) error) error {
		return read(func(row []tenants.Value) error {
			if err := c.convert(row); err != nil {
				return err
			}
			return insert(c.converted)
		})
	})
}

// compare reads the copy, and compares it with what was read from the source. It returns the sum of the copy's rows as stored.
func (c *copier) compare(ctx context.Context) (Sum, error) {
	var stored, written hasher
	err := c.into.Read(ctx, c.tables.into, func(row []tenants.Value) error { return c.readBack(row, &stored, &written) })
	if err != nil {
		return Sum{}, err
	}
	name := c.tables.into.Name
	return stored.sum(name), compare(c.read.sum(name), written.sum(name), false)
}

// convert converts a row of the source, and adds it to the sums.
func (c *copier) convert(row []tenants.Value) (err error) {
	c.stored.begin()
	c.read.begin()
	for i, v := range row {
		c.stored.put(v)
		if c.columns[i].omit {
			v = tenants.Value{}
		}
		if c.converted[i], err = c.value(v, i); err != nil {
			return &ValueError{c.tables.from.Name, c.columns[i].name, c.rowName(row), err.Error()}
		}
	}
	c.stored.end()
	c.read.end()
	return nil
}

// value converts a value for the target, and adds what it means to the sum.
func (c *copier) value(v tenants.Value, i int) (converted tenants.Value, err error) {
	column := c.columns[i]
	switch {
	case c.from.Dialect() == c.into.Dialect():
		c.read.put(v)
		return v, nil
	case c.from.Dialect() == "postgres":
		if v, err = toSQLite(v, column); err == nil {
			c.read.put(meaning(v, column.kind))
		}
		return v, err
	}
	c.read.put(meaning(v, column.kind))
	return toPostgres(v, column)
}

// readBack adds a row of the copy to the sums.
func (c *copier) readBack(row []tenants.Value, stored, written *hasher) (err error) {
	stored.begin()
	written.begin()
	for i, v := range row {
		stored.put(v)
		switch {
		case c.from.Dialect() == c.into.Dialect():
		case c.into.Dialect() == "postgres":
			if v, err = toSQLite(v, c.columns[i]); err != nil {
				return &ValueError{c.tables.into.Name, c.columns[i].name, "a copied row", err.Error()}
			}
			v = meaning(v, c.columns[i].kind)
		default:
			v = meaning(v, c.columns[i].kind)
		}
		written.put(v)
	}
	stored.end()
	written.end()
	return nil
}

// rowName describes a row of the source by its id, or else by its number.
func (c *copier) rowName(row []tenants.Value) string {
	for i, column := range c.columns {
		if column.name != "id" {
			continue
		}
		if row[i].Type == tenants.Integer {
			return "the row with id " + strconv.FormatInt(row[i].Int, 10)
		}
		return "the row with id " + string(row[i].Bytes)
	}
	return fmt.Sprintf("row %d", c.read.rows+1)
}
