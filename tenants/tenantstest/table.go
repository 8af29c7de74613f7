package tenantstest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tenantry/tenants/shape"
)

// table is what a filler needs to know about a table.
type table struct {
	name    string
	columns []column          // those that need a value
	checks  map[string]string // the expressions, by the names of the constraints
}

// column is a column of a table, with the SQL of the values to try.
type column struct {
	name   string
	values []string
}

// tablesOf returns the tables of a schema in the order of their names.
func tablesOf(s shape.Shape) []table {
	var tables []table
	for _, thing := range slices.Sorted(maps.Keys(s)) {
		name, found := strings.CutPrefix(thing, "table ")
		plainTable := strings.HasPrefix(s[thing], "table") || strings.HasPrefix(s[thing], "persistence")
		if found && plainTable && !strings.Contains(name, ",") {
			tables = append(tables, newTable(s, name))
		}
	}
	return tables
}

// newTable reads the table of that name.
func newTable(s shape.Shape, name string) table {
	t := table{name: name, checks: map[string]string{}}
	references := map[string]string{}
	var required []string
	for _, thing := range slices.Sorted(maps.Keys(s)) {
		part, found := strings.CutPrefix(thing, "table "+name+", ")
		kind, of, _ := strings.Cut(part, " ")
		properties := s[thing]
		switch {
		case !found:
		case kind == "column":
			if needsValue(properties) {
				required = append(required, of)
			}
		case kind == "check" || strings.HasPrefix(properties, "CHECK"):
			t.checks[of] = properties
		default:
			maps.Copy(references, referencesOf(thing+" "+properties))
		}
	}
	for _, c := range required {
		values := []string{references[c]}
		if values[0] == "" {
			values = valuesFor(typeOf(s["table "+name+", column "+c]), c, t.checks)
		}
		t.columns = append(t.columns, column{c, values})
	}
	return t
}

// needsValue reports whether a row needs a value for the column.
func needsValue(properties string) bool {
	return strings.Contains(properties, ", not null") && !strings.Contains(properties, ", default ") &&
		!strings.Contains(properties, ", identity ") && !strings.Contains(properties, ", generated ") && !strings.Contains(properties, ", hidden ")
}

func typeOf(properties string) string {
	kind, _, _ := strings.Cut(properties, ", not null")
	return kind
}

var foreignKey = regexp.MustCompile(`(?i)foreign key \(([^)]*)\).*references (\S+) ?\(([^)]*)\)`)

// referencesOf returns, for each column of a foreign key, the SQL of a value in the table that
// it refers to.
func referencesOf(key string) map[string]string {
	values := map[string]string{}
	parts := foreignKey.FindStringSubmatch(key)
	if parts == nil {
		return values
	}
	theirs := strings.Split(parts[3], ", ")
	for i, c := range strings.Split(parts[1], ", ") {
		if i < len(theirs) {
			values[c] = fmt.Sprintf("(SELECT %s FROM %s LIMIT 1)", quoted(theirs[i]), quoted(parts[2]))
		}
	}
	return values
}

// valuesFor returns the SQL of values of a type that a column's checks may accept.
func valuesFor(kind, name string, checks map[string]string) []string {
	texts, numbers := hints(name, checks)
	switch {
	case contains(kind, "bool"):
		return []string{"false", "true"}
	case contains(kind, "date", "time"):
		return []string{"'2026-01-02 03:04:05'"}
	case contains(kind, "int", "num", "dec", "real", "double", "float", "serial"):
		return each(append([]int{1, 0}, numbers...), strconv.Itoa)
	case contains(kind, "blob"):
		return each(append([]int{1}, numbers...), func(n int) string { return "x'" + strings.Repeat("78", n) + "'" })
	case contains(kind, "bytea"):
		return each(append([]int{1}, numbers...), func(n int) string { return "'" + strings.Repeat("x", n) + "'" })
	case contains(kind, "json"):
		return []string{"'{}'", "'[]'"}
	case contains(kind, "uuid"):
		return []string{"'00000000-0000-4000-8000-000000000000'"}
	}
	return append(texts, each(append([]int{1}, numbers...), func(n int) string { return "'" + strings.Repeat("x", n) + "'" })...)
}

func contains(kind string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(kind, part) })
}

func each(numbers []int, value func(int) string) []string {
	var all []string
	for _, n := range numbers {
		all = append(all, value(n))
	}
	return all
}

var (
	sqlText = regexp.MustCompile(`'(?:[^']|'')*'`)
	sqlWord = regexp.MustCompile(`\w+`)
)

func wordsOf(expression string) []string {
	return sqlWord.FindAllString(sqlText.ReplaceAllString(expression, ""), -1)
}

// longestText bounds the length of the texts that are tried.
const longestText = 1000

// hints returns the texts and the small numbers in the checks of a column.
func hints(column string, checks map[string]string) (texts []string, numbers []int) {
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		words := wordsOf(checks[name])
		if !slices.Contains(words, column) {
			continue
		}
		texts = append(texts, sqlText.FindAllString(checks[name], -1)...)
		for _, word := range words {
			if n, err := strconv.Atoi(word); err == nil && n <= longestText {
				numbers = append(numbers, n)
			}
		}
	}
	return texts, numbers
}
