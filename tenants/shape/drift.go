package shape

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Drift describes the first difference of a database's schema from want, the schema of the migrations,
// and counts the other differences: "table tasks: column due is missing, and there are 2 more differences". It returns
// "" if there is none.
//
// It ignores the records of applied migrations, large objects, which are data, storage parameters, and differences between
// expressions that Postgres makes when it reads its own print of them, as in a restored backup.
func (s Shape) Drift(want Shape) string {
	things := s.drifting().differing(want.drifting())
	if len(things) == 0 {
		return ""
	}
	first := things[0]
	if i := slices.IndexFunc(things, isTable); i >= 0 {
		first = things[i] // what is missing with a table says less
	}
	text := s.describe(first, want)
	switch more := len(things) - 1; more {
	case 0:
		return text
	case 1:
		return text + ", and there is 1 more difference"
	default:
		return fmt.Sprintf("%s, and there are %d more differences", text, more)
	}
}

// drifting returns what Drift compares of the shape.
func (s Shape) drifting() Shape {
	rest := s.Without("migration").Without("large objects")
	for thing, properties := range rest {
		rest[thing] = storage.ReplaceAllString(reprinted(properties), "")
	}
	return rest
}

// storage matches storage parameters of tables and indexes on Postgres, as read and reprinted. An operator may
// set them for one tenant, as for its autovacuum. Options of views are not among them: they change what a view shows.
var storage = regexp.MustCompile(`(?:, |,)[a-z_]+=[^, ]+| WITH [a-z_]+='[^']*'(?:, [a-z_]+='[^']*')*`)

func isTable(thing string) bool {
	return strings.HasPrefix(thing, "table ") && !strings.Contains(thing, ", ")
}

// describe describes the difference of one thing.
func (s Shape) describe(thing string, want Shape) string {
	name := thing
	if strings.HasPrefix(thing, "table ") {
		name = strings.Replace(thing, ", ", ": ", 1)
	}
	is, there := s[thing]
	should, wanted := want[thing]
	switch {
	case !there:
		return name + " is missing"
	case !wanted:
		return name + " is in no migration"
	case isShort(is) && isShort(should):
		return fmt.Sprintf("%s is (%s) and should be (%s)", name, cmp.Or(is, "none"), cmp.Or(should, "none"))
	}
	return name + " is not as the migrations make it"
}

// isShort reports whether properties fit into a sentence.
func isShort(properties string) bool {
	return len(properties) <= 100 && !strings.Contains(properties, "\n")
}

// cast matches the casts in what Postgres prints.
var cast = regexp.MustCompile(`::(?:character varying|timestamp with(?:out)? time zone|double precision|"[^"]*"|[\w.]+)(?:\[\])?`)

// reprinted returns properties without the parentheses and casts of expressions. Postgres prints
// CHECK (kind IN ('a', 'b')) as an ANY with casts, and the same expression with others after it has read
// that print.
func reprinted(properties string) string {
	plain := cast.ReplaceAllString(properties, "")
	return strings.NewReplacer("(", "", ")", "").Replace(plain)
}
