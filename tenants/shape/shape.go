// Package shape reads the schema of a database and compares it with another. It knows dialects, but
// not tenants.
package shape

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Shape is the schema of a database. It maps the name of each object ("table tasks, column title") to
// its properties ("text, not null"), and contains the applied migrations. It leaves out the table in
// which goose records these, and SQLite's own tables.
type Shape map[string]string

// Reader is a *sql.DB, *sql.Conn or *sql.Tx.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Read reads the schema of the database behind r. The dialect is as in tenants.Schema.Migrations. On
// Postgres, Read reads the first schema in the search path, and if that is "public" the names of the others. It leaves out the tables named
// in without.
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

// separator separates the properties of objects that have the same name.
const separator = "; and "

// put adds an object.
func (s Shape) put(thing, properties string) {
	if known, ok := s[thing]; ok {
		all := append(strings.Split(known, separator), properties)
		slices.Sort(all)
		properties = strings.Join(all, separator)
	}
	s[thing] = properties
}

// Without returns the shape without the objects whose name, or whose name after the table, begins with
// the words: for example "trigger" or "table tasks".
func (s Shape) Without(words string) Shape {
	rest := maps.Clone(s)
	maps.DeleteFunc(rest, func(thing, _ string) bool {
		table, inTable, _ := strings.Cut(thing, ", ")
		return table == words || strings.HasPrefix(thing, words+" ") || strings.HasPrefix(inTable, words+" ")
	})
	return rest
}

// Differences returns a line for each difference, sorted by the objects' names. here and there are
// what the lines call the two shapes, for example "the models".
func (s Shape) Differences(other Shape, here, there string) []string {
	var lines []string
	for _, thing := range s.differing(other) {
		one, inOne := s[thing]
		two, inTwo := other[thing]
		switch {
		case !inTwo:
			lines = append(lines, fmt.Sprintf("%s: only in %s: %s", thing, here, one))
		case !inOne:
			lines = append(lines, fmt.Sprintf("%s: only in %s: %s", thing, there, two))
		default:
			lines = append(lines, fmt.Sprintf("%s: in %s: %s; in %s: %s", thing, here, one, there, two))
		}
	}
	return lines
}

// differing returns the sorted names of the objects that are not the same in both shapes.
func (s Shape) differing(other Shape) []string {
	things := maps.Clone(s)
	maps.Copy(things, other)
	maps.DeleteFunc(things, func(thing, _ string) bool {
		one, inOne := s[thing]
		two, inTwo := other[thing]
		return inOne == inTwo && one == two
	})
	return slices.Sorted(maps.Keys(things))
}

// rows returns the result of a query whose columns are text.
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

// add adds the result of a query of two columns, name and properties.
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
