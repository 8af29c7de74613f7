package models_test

import (
	"database/sql"
	"testing"

	"tenantry/tenants/shape"
)

// inspect reads the whole schema of a database but for the versions that it has
// seen.
func (e engine) inspect(t testing.TB, db database) shape.Shape {
	t.Helper()
	s, err := shape.Read(t.Context(), db.sql, e.dialect)
	if err != nil {
		t.Fatal(err)
	}
	return s.Without("migration")
}

// drift is a line for each difference.
func drift(migrations, model shape.Shape) []string {
	return migrations.Differences(model, "the migrations", "the models")
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
