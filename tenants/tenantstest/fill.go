package tenantstest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"tenantry/tenants/shape"
)

// filler inserts a row into every empty table. The row has values only in the columns that
// require one, so a migration that needs more of a row fails.
type filler struct {
	db   *sql.DB
	rows []string // statements for tables that it can't fill itself
}

// fill fills the tables of the schema. It fills a table after those that it refers to.
func (f filler) fill(ctx context.Context, s shape.Shape) error {
	for _, statement := range f.rows {
		_, _ = f.db.ExecContext(ctx, statement) // at another version it may fit
	}
	waiting := tablesOf(s)
	for len(waiting) > 0 {
		var failed []table
		var failure error
		for _, t := range waiting {
			if err := f.fillTable(ctx, t); err != nil {
				failed, failure = append(failed, t), fmt.Errorf("find a row for table %s, which SchemaOptions.Rows can give: %w", t.name, err)
			}
		}
		if len(failed) == len(waiting) {
			return failure
		}
		waiting = failed
	}
	return nil
}

func (f filler) fillTable(ctx context.Context, t table) error {
	var filled bool
	if err := f.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT * FROM "+quoted(t.name)+")").Scan(&filled); err != nil || filled {
		return err
	}
	return f.insert(ctx, t)
}

// mostTries bounds the number of rows that are tried for one table.
const mostTries = 1000

// insert tries rows until one satisfies the table's checks. After each failure it changes the
// values of the columns of the check that failed.
func (f filler) insert(ctx context.Context, t table) (err error) {
	chosen := make([]int, len(t.columns))
	for range mostTries {
		if _, err = f.db.ExecContext(ctx, t.insertion(chosen)); err == nil {
			return nil
		}
		if !advance(chosen, t.columns, t.blamed(err)) {
			return err
		}
	}
	return err
}

// advance chooses the next combination of values of the blamed columns. It returns false if all
// have been tried.
func advance(chosen []int, columns []column, blamed []int) bool {
	for _, i := range blamed {
		if chosen[i]++; chosen[i] < len(columns[i].values) {
			return true
		}
		chosen[i] = 0
	}
	return false
}

// insertion returns the statement that inserts the chosen values.
func (t table) insertion(chosen []int) string {
	if len(t.columns) == 0 {
		return "INSERT INTO " + quoted(t.name) + " DEFAULT VALUES"
	}
	var names, values []string
	for i, c := range t.columns {
		names, values = append(names, quoted(c.name)), append(values, c.values[chosen[i]])
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quoted(t.name), strings.Join(names, ", "), strings.Join(values, ", "))
}

// blamed returns the columns of the check that an error names.
func (t table) blamed(err error) (columns []int) {
	var check string
	for name := range t.checks {
		if strings.Contains(err.Error(), name) && len(name) > len(check) {
			check = name
		}
	}
	for i, c := range t.columns {
		if slices.Contains(wordsOf(t.checks[check]), c.name) {
			columns = append(columns, i)
		}
	}
	return columns
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
