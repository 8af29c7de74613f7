package models_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// shape is the schema of a database: what there is ("table tasks, column
// title") and how it is ("text, not null"). goose's own table is left out.
type shape map[string]string

// put adds a thing. Two of one name would hide a difference between them.
func (s shape) put(t testing.TB, thing, properties string) {
	t.Helper()
	if _, twice := s[thing]; twice {
		t.Fatalf("the schema has %s twice", thing)
	}
	s[thing] = properties
}

// without leaves out the things for which the words stand first or after the
// table, for example "trigger" or "table tasks".
func (s shape) without(words string) shape {
	rest := maps.Clone(s)
	maps.DeleteFunc(rest, func(thing, _ string) bool {
		table, inTable, _ := strings.Cut(thing, ", ")
		return table == words || strings.HasPrefix(thing, words+" ") || strings.HasPrefix(inTable, words+" ")
	})
	return rest
}

// drift is a line for each difference between two shapes, in the order of the
// things' names.
func drift(migrations, model shape) []string {
	things := maps.Clone(migrations)
	maps.Copy(things, model)
	var lines []string
	for _, thing := range slices.Sorted(maps.Keys(things)) {
		inMigrations, migrated := migrations[thing]
		inModels, modelled := model[thing]
		switch {
		case !modelled:
			lines = append(lines, fmt.Sprintf("%s: only in the migrations: %s", thing, inMigrations))
		case !migrated:
			lines = append(lines, fmt.Sprintf("%s: only in the models: %s", thing, inModels))
		case inMigrations != inModels:
			lines = append(lines, fmt.Sprintf("%s:\n\tin the migrations: %s\n\tin the models:     %s", thing, inMigrations, inModels))
		}
	}
	return lines
}

// rows returns the result of a query of text columns.
func rows(t testing.TB, db *sql.DB, query string, args ...any) [][]string {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for result.Next() {
		row := make([]string, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatalf("%v in %s", err, query)
		}
		all = append(all, row)
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	return all
}
