package postgres

import (
	"context"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// snapshot reads a tenant's database. Its changes are found by the transactions that made and removed the versions of rows.
type snapshot struct {
	*rowStream
	engine *Engine
	name   string
}

var _ tenants.Snapshot = (*snapshot)(nil)

// changedSince returns the condition for a version of a row that perhaps only one of two moments sees, if no transaction runs at the
// second. oldest is the oldest transaction that ran at the first moment, and multixact the next one of these at the second.
//
// Each transaction, or part of one, whose work the first moment doesn't see has a number from oldest on. It is the version's xmin if it made
// it; if it removed or locked it, it is the version's xmax, or belongs to the multixact there. Nothing tells a multixact from a transaction, so
// each number that can be one counts. As a row's version looks the same to both moments, a condition on it selects, of those that
// both see, the same ones.
func changedSince(oldest, multixact int64) string {
	const half, mask = 1 << 31, 1<<32 - 1 // numbers are compared in a circle
	from := func(column string) string {
		return fmt.Sprintf("((t.%s::text::bigint - %d) & %d) < %d", column, oldest, int64(mask), int64(half))
	}
	return fmt.Sprintf("(%s OR t.xmax <> 0 AND (%s OR ((%d - t.xmax::text::bigint) & %d) < %d))", from("xmin"), from("xmax"), multixact, int64(mask), int64(half))
}

// Changes begins to read over a second connection, for which people wait: the tenant's own need none.
func (s *snapshot) Changes(ctx context.Context) (tenants.Changes, error) {
	var oldest, multixact int64
	err := s.tx.QueryRowContext(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295, mxid_age('1') + 1`).Scan(&oldest, &multixact)
	if err != nil {
		return nil, translate(err)
	}
	now, err := s.engine.snapshot(ctx, s.name, people, func() {})
	if err != nil {
		return nil, err
	}
	return &changes{now, s.rowStream, changedSince(oldest, multixact)}, nil
}

// changes read the database at the second moment, and rows that have changed from both.
type changes struct {
	*rowStream
	before  *rowStream
	changed string // the condition
}

// Count counts the table's rows.
func (c *changes) Count(ctx context.Context, table tenants.Table) (n int64, err error) {
	err = c.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+c.nameOf(table.Name)).Scan(&n)
	return n, translate(err)
}

// Removed reads with COPY.
func (c *changes) Removed(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return c.before.read(ctx, table, c.selection(table), f)
}

// Added reads with COPY.
func (c *changes) Added(ctx context.Context, table tenants.Table, f func(row []tenants.Value) error) error {
	return c.read(ctx, table, c.selection(table), f)
}

func (c *changes) selection(table tenants.Table) string {
	return fmt.Sprintf("(SELECT %s FROM %s AS t WHERE %s)", strings.Join(columnNames(table), ", "), c.nameOf(table.Name), c.changed)
}
