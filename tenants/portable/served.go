package portable

import (
	"context"
	"errors"

	"tenantry/tenants"
)

// CopyServed is Copy from a database that is written meanwhile. It copies and compares what the snapshot has, and calls freeze, after
// which nothing is written. Then it brings over what has changed since, and compares the tables with changes once more. How
// long that takes depends on the changes, and on how many rows the tables with changes have.
func CopyServed(ctx context.Context, from tenants.Snapshot, into tenants.RowWriter, o Options, freeze func(ctx context.Context) error) (err error) {
	all, err := match(from, into, o)
	if err != nil {
		return err
	}
	copiers := make([]*copier, len(all))
	for i, t := range all {
		copiers[i] = &copier{tables: t, from: from, into: into}
		if _, err := copiers[i].copy(ctx); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(i+1, len(all))
		}
	}
	if err := into.Index(ctx); err != nil {
		return err
	}
	if err := freeze(ctx); err != nil {
		return err
	}
	now, err := from.Changes(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, now.Close()) }()
	for _, c := range copiers {
		if err := c.follow(ctx, now); err != nil {
			return err
		}
	}
	return copySequences(ctx, now, into)
}

// follow brings over what has changed in the table.
func (c *copier) follow(ctx context.Context, now tenants.Changes) error {
	if c.omit {
		return nil
	}
	rows, err := now.Count(ctx, c.tables.from)
	if err != nil {
		return err
	}
	before := c.read.rows
	removed, err := c.remove(ctx, now)
	switch {
	case errors.Is(err, errNoKey):
		err = c.copyAgain(ctx, now)
	case err == nil && removed == 0 && rows == before:
		return nil
	case err == nil:
		err = c.insert(ctx, func(f func(row []tenants.Value) error) error { return now.Added(ctx, c.tables.from, f) })
	}
	if err == nil && c.read.rows != rows {
		err = &DamagedError{c.tables.from.Name, rows, c.read.rows, false}
	}
	if err == nil {
		_, err = c.compare(ctx)
	}
	return err
}

// errNoKey means that the table has no key by which the row to remove can be found in the target.
var errNoKey = errors.New("the row has no key")

// remove deletes the rows in the target that are no more in the source as they were, and takes them from the sums. It returns
// how many there are.
func (c *copier) remove(ctx context.Context, now tenants.Changes) (int64, error) {
	gone := copier{tables: c.tables, from: c.from, into: c.into, converted: make([]tenants.Value, len(c.columns))}
	if len(c.tables.into.Key().Columns) == 0 {
		err := now.Removed(ctx, c.tables.from, gone.convert)
		if err == nil && gone.read.rows > 0 {
			err = errNoKey
		}
		return 0, err
	}
	var key []tenants.Value
	deleted, err := c.into.Delete(ctx, c.tables.into, func(remove func(key []tenants.Value) error) error {
		return now.Removed(ctx, c.tables.from, func(row []tenants.Value) error {
			if err := gone.convert(row); err != nil {
				return err
			}
			key = key[:0]
			for i, v := range gone.converted {
				if !c.columns[i].into.Key {
					continue
				}
				if v.Type == tenants.Null { // SQLite has such keys, perhaps several times
					return errNoKey
				}
				key = append(key, v)
			}
			return remove(key)
		})
	})
	if err == nil && deleted != gone.read.rows {
		err = &DamagedError{c.tables.into.Name, gone.read.rows, deleted, false}
	}
	c.read.subtract(&gone.read)
	return gone.read.rows, err
}

// copyAgain copies the whole table as it is now.
func (c *copier) copyAgain(ctx context.Context, now tenants.Changes) error {
	if _, err := c.into.Delete(ctx, c.tables.into, nil); err != nil {
		return err
	}
	c.read, c.stored = hasher{}, hasher{}
	return c.insert(ctx, func(f func(row []tenants.Value) error) error { return now.Read(ctx, c.tables.from, f) })
}
