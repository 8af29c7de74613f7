// Package shape reads the schema of a database and tells what differs from
// another one's. It knows dialects, not tenants.
package shape

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Shape is the schema of a database: what there is ("table tasks, column
// title") and how it is ("text, not null"), and which migrations it has seen.
// The table in which goose keeps these is left out, and so are those of SQLite
// itself.
type Shape map[string]string

// Reader is what a schema is read through: a *sql.DB, *sql.Conn or *sql.Tx.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Read reads the schema of the database behind r, of a dialect as in
// tenants.Schema.Migrations. On Postgres that is what is in the schema "public",
// and the names of the others. Tables named in without are left out.
func Read(ctx context.Context, r Reader, dialect string, without ...string) (Shape, error) {
	s, err := Shape{}, fmt.Errorf("dialect %q is not sqlite or postgres", dialect)
	switch dialect {
	case "sqlite":
		err = s.readSQLite(ctx, r)
	case "postgres":
		err = s.readPostgres(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	for _, table := range without {
		s = s.Without("table " + table)
	}
	return s, nil
}

// twice stands between the properties of things that have the same name.
const twice = "; and "

// put adds a thing.
func (s Shape) put(thing, properties string) {
	if known, ok := s[thing]; ok {
		all := append(strings.Split(known, twice), properties)
		slices.Sort(all)
		properties = strings.Join(all, twice)
	}
	s[thing] = properties
}

// Without leaves out the things for which the words stand first or after the
// table, for example "trigger" or "table tasks".
func (s Shape) Without(words string) Shape {
	rest := maps.Clone(s)
	maps.DeleteFunc(rest, func(thing, _ string) bool {
		table, inTable, _ := strings.Cut(thing, ", ")
		return table == words || strings.HasPrefix(thing, words+" ") || strings.HasPrefix(inTable, words+" ")
	})
	return rest
}

// Differences is a line for each difference, in the order of the things' names.
// The lines call the shapes as here and there do, for example "the models".
func (s Shape) Differences(other Shape, here, there string) []string {
	things := maps.Clone(s)
	maps.Copy(things, other)
	var lines []string
	for _, thing := range slices.Sorted(maps.Keys(things)) {
		one, inOne := s[thing]
		two, inTwo := other[thing]
		switch {
		case !inTwo:
			lines = append(lines, fmt.Sprintf("%s: only in %s: %s", thing, here, one))
		case !inOne:
			lines = append(lines, fmt.Sprintf("%s: only in %s: %s", thing, there, two))
		case one != two:
			lines = append(lines, fmt.Sprintf("%s: in %s: %s; in %s: %s", thing, here, one, there, two))
		}
	}
	return lines
}

// rows is the result of a query of text columns.
func rows(ctx context.Context, r Reader, query string, args ...any) (all [][]string, err error) {
	result, err := r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		return nil, err
	}
	for result.Next() {
		row := make([]string, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, result.Err()
}

// add adds what a query of two columns gives.
func (s Shape) add(ctx context.Context, r Reader, query string, args ...any) error {
	found, err := rows(ctx, r, query, args...)
	if err != nil {
		return err
	}
	for _, row := range found {
		s.put(row[0], row[1])
	}
	return nil
}
