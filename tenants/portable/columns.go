package portable

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm/schema"

	"tenantry/tenants"
)

var timeType = reflect.TypeFor[time.Time]()

// columns are a column of the source and the one of the same name in the target.
type columns struct {
	name       string
	from, into tenants.Column
	sqlite     tenants.Column // the one on SQLite, if the other is on Postgres
	kind       kind
	longDay    bool // the application writes a date with its time on SQLite
	omit       bool // the target gets no values
}

// tables are a table of the source and the one of the same name in the target. The columns of both are in the order
// of their names.
type tables struct {
	from, into tenants.Table
	columns    []columns
	omit       bool // the target gets no rows
}

// match returns the tables of both. Returns a *tenants.SchemaError if they don't have the same tables with the same
// columns.
func match(from, into tenants.RowReader, o Options) ([]tables, error) {
	theirs := map[string]tenants.Table{}
	for _, t := range into.Tables() {
		theirs[t.Name] = sorted(t)
	}
	var all []tables
	var differences []string
	days := longDays(o.Schema.Models)
	for _, t := range from.Tables() {
		other, ok := theirs[t.Name]
		if !ok && slices.Contains(o.Omit, t.Name) {
			continue
		}
		if !ok {
			differences = append(differences, fmt.Sprintf("table %s: the target has none", t.Name))
			continue
		}
		delete(theirs, t.Name)
		pair := tables{from: sorted(t), into: other, omit: slices.Contains(o.Omit, t.Name)}
		if names(pair.from) != names(pair.into) {
			differences = append(differences, fmt.Sprintf("table %s: its columns are %s, and in the target %s", t.Name, names(pair.from), names(pair.into)))
			continue
		}
		for i, c := range pair.from.Columns {
			both := pairOf(c, pair.into.Columns[i], from.Dialect(), into.Dialect())
			both.longDay, both.omit = days[t.Name+"."+c.Name], slices.Contains(o.Omit, t.Name+"."+c.Name)
			pair.columns = append(pair.columns, both)
		}
		all = append(all, pair)
	}
	for name := range theirs {
		if !slices.Contains(o.Omit, name) {
			differences = append(differences, fmt.Sprintf("table %s: only the target has it", name))
		}
	}
	slices.Sort(differences)
	return all, tenants.CheckDifferences(differences)
}

// pairOf returns the columns of tables of the dialects.
func pairOf(from, into tenants.Column, fromDialect, intoDialect string) columns {
	both := columns{name: from.Name, from: from, into: into}
	switch {
	case fromDialect == intoDialect:
	case fromDialect == "postgres":
		both.kind, both.sqlite = kindOf(from), into
	default:
		both.kind, both.sqlite = kindOf(into), from
	}
	return both
}

// sorted returns the table with its columns in the order of their names.
func sorted(t tenants.Table) tenants.Table {
	t.Columns = slices.SortedFunc(slices.Values(t.Columns), func(a, b tenants.Column) int { return cmp.Compare(a.Name, b.Name) })
	return t
}

func names(t tenants.Table) string {
	var all []string
	for _, c := range t.Columns {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

// longDays returns the columns, as TABLE.COLUMN, whose dates are a time.Time in the models: the drivers write these
// with their time on SQLite.
func longDays(models []any) map[string]bool {
	long, parsed := map[string]bool{}, &sync.Map{}
	for _, model := range models {
		s, err := schema.Parse(model, parsed, schema.NamingStrategy{})
		if err != nil {
			continue // the engine has parsed it
		}
		for _, field := range s.Fields {
			if field.IndirectFieldType == timeType {
				long[s.Table+"."+field.DBName] = true
			}
		}
	}
	return long
}
