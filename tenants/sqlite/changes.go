package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tenantry/tenants"
)

// snapshot reads a tenant's file. For its changes the file is attached to the same connection once more: the two have
// snapshots of their own, and SQLite compares their rows.
type snapshot struct {
	*rowReader
	path, tenantID string
}

var _ tenants.Snapshot = (*snapshot)(nil)

// Changes attaches the file. What is attached is read as it is when it is read first, which is here.
func (s *snapshot) Changes(ctx context.Context) (tenants.Changes, error) {
	file, _, _ := strings.Cut(dsn(s.path, ""), "?")
	if _, err := s.tx.ExecContext(ctx, "ATTACH ? AS now", file+"?mode=ro"); err != nil {
		return nil, fmt.Errorf("read it again: %w", err)
	}
	now := *s.rowReader
	now.schema = "now"
	c := &changes{rowReader: &now}
	var owner string
	err := s.tx.QueryRowContext(ctx, "SELECT tenant_id FROM now."+identityTable).Scan(&owner)
	if err == nil && owner != s.tenantID {
		err = fmt.Errorf("%w: the file is now that of %s", tenants.ErrUnavailable, owner)
	}
	if err == nil {
		c.withoutRowID, err = s.texts(ctx, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND wr")
	}
	return c, err
}

// texts returns the result of a query of one column.
func (r *rowReader) texts(ctx context.Context, query string) (all []string, err error) {
	rows, err := r.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// changes read the attached file.
type changes struct {
	*rowReader
	withoutRowID []string
}

// Close does nothing: the snapshot closes the connection.
func (c *changes) Close() error { return nil }

// Count counts the table's rows.
func (c *changes) Count(ctx context.Context, table tenants.Table) (n int64, err error) {
	err = c.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+c.name(table)).Scan(&n)
	return n, err
}

// Removed calls f for rows of the snapshot.
func (c *changes) Removed(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return c.onlyIn(ctx, table, "main", "now", f)
}

// Added calls f for rows of the attached file.
func (c *changes) Added(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return c.onlyIn(ctx, table, "now", "main", f)
}

// onlyIn calls f for the rows of one database that the other doesn't have in the same place.
func (c *changes) onlyIn(ctx context.Context, table tenants.Table, one, other string, f func(row []tenants.Value) error) error {
	place, err := c.place(table)
	if err != nil {
		return err
	}
	var same, equal, values []string
	for _, name := range place {
		same = append(same, fmt.Sprintf("o.%[1]s = t.%[1]s", name))
	}
	for _, column := range table.Columns {
		name := quote(column.Name)
		equal = append(equal, fmt.Sprintf("o.%[1]s COLLATE BINARY IS t.%[1]s AND typeof(o.%[1]s) = typeof(t.%[1]s)", name))
		values = append(values, "+t."+name)
	}
	return c.query(ctx, table, fmt.Sprintf("SELECT %s FROM %s.%s AS t WHERE NOT EXISTS (SELECT 1 FROM %s.%s AS o WHERE %s AND %s)",
		strings.Join(values, ", "), one, quote(table.Name), other, quote(table.Name), strings.Join(same, " AND "), strings.Join(equal, " AND ")), f)
}

// errNoRowID means that the table's columns have all the names by which SQLite knows rows.
var errNoRowID = errors.New("its columns hide the row ids")

// place returns the names of what tells where a row is: its id, or else its key.
func (c *changes) place(table tenants.Table) (names []string, err error) {
	if slices.Contains(c.withoutRowID, table.Name) {
		for _, column := range table.Key().Columns {
			names = append(names, quote(column.Name))
		}
		return names, nil
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !slices.ContainsFunc(table.Columns, func(column tenants.Column) bool { return strings.EqualFold(column.Name, name) }) {
			return []string{name}, nil
		}
	}
	return nil, fmt.Errorf("table %s: %w", table.Name, errNoRowID)
}
