package models_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	sqliteObjects = `
		SELECT type, name, coalesce(sql, '') FROM sqlite_master
		WHERE tbl_name NOT IN ('goose_db_version', 'sqlite_sequence')
		ORDER BY type, name`

	sqliteTable = `
		SELECT concat_ws(', ', type, iif(wr, 'without rowid', NULL), iif(strict, 'strict', NULL))
		FROM pragma_table_list WHERE schema = 'main' AND name = ?`

	sqliteColumns = `
		SELECT name, concat_ws(', ', lower(type), iif("notnull", 'not null', 'null'), 'default ' || dflt_value,
			iif(pk, 'primary key ' || pk, NULL), iif(hidden, 'hidden ' || hidden, NULL))
		FROM pragma_table_xinfo(?)`

	sqliteForeignKeys = `
		SELECT group_concat("from", ', ' ORDER BY seq),
			format('references %s (%s), on delete %s, on update %s, match %s', "table",
				group_concat(coalesce("to", ''), ', ' ORDER BY seq), on_delete, on_update, match)
		FROM pragma_foreign_key_list(?) GROUP BY id`

	// SQLite numbers the indexes that it makes for keys, so they are told
	// apart by their columns.
	sqliteIndexes = `
		SELECT iif(origin = 'c', name, format('of %s (%s)', origin, columns)),
			concat_ws(', ', iif("unique", 'unique', NULL), iif(partial, 'partial', NULL), columns),
			name
		FROM (SELECT *, (
				SELECT group_concat(concat_ws(' ', coalesce(name, 'expression'), iif("desc", 'desc', NULL), 'collate ' || coll), ', ' ORDER BY seqno)
				FROM pragma_index_xinfo(list.name) WHERE key) AS columns
			FROM pragma_index_list(?) AS list)`
)

// inspectSQLite asks the pragmas, and reads the statements for what they don't
// tell.
func inspectSQLite(t testing.TB, db database) shape {
	t.Helper()
	s := shape{}
	definitions := map[string]string{}
	var tables []string
	for _, row := range rows(t, db.sql, sqliteObjects) {
		kind, name, tokens := row[0], row[1], sqlTokens(row[2])
		switch kind {
		case "table":
			tables = append(tables, name)
			inspectSQLiteDefinition(t, s, name, tokens)
		case "index":
			definitions[name] = strings.Join(tokens, " ")
		default: // a view or trigger
			s.put(t, kind+" "+name, strings.Join(tokens, " "))
		}
	}
	for _, table := range tables {
		inspectSQLiteTable(t, db, s, table, definitions)
	}
	return s
}

func inspectSQLiteTable(t testing.TB, db database, s shape, table string, definitions map[string]string) {
	t.Helper()
	for _, row := range rows(t, db.sql, sqliteTable, table) {
		s.put(t, "table "+table, row[0])
	}
	for _, row := range rows(t, db.sql, sqliteColumns, table) {
		s.put(t, fmt.Sprintf("table %s, column %s", table, row[0]), row[1])
	}
	for _, row := range rows(t, db.sql, sqliteForeignKeys, table) {
		s.put(t, fmt.Sprintf("table %s, foreign key (%s)", table, row[0]), row[1])
	}
	for _, row := range rows(t, db.sql, sqliteIndexes, table) {
		s.put(t, fmt.Sprintf("table %s, index %s", table, row[0]), row[1]+", "+definitions[row[2]])
	}
}

// inspectSQLiteDefinition reads a CREATE TABLE for its checks, and for the
// words that make a difference which no pragma shows.
func inspectSQLiteDefinition(t testing.TB, s shape, table string, tokens []string) {
	t.Helper()
	var words []string
	for i, token := range tokens {
		switch token {
		case "autoincrement", "deferrable", "initially", "deferred", "generated", "stored":
			words = append(words, token)
		case "collate", "conflict":
			words = append(words, token+" "+tokens[i+1])
		case "check":
			name, expression := checkAt(tokens, i)
			s.put(t, fmt.Sprintf("table %s, check %s", table, name), expression)
		}
	}
	slices.Sort(words)
	s.put(t, fmt.Sprintf("table %s, other words", table), strings.Join(words, ", "))
}

// checkAt returns the constraint at the word CHECK. One without a name is
// called by its expression.
func checkAt(tokens []string, at int) (name, expression string) {
	end, depth := at+1, 0
	for ; end < len(tokens); end++ {
		switch tokens[end] {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 {
			break
		}
	}
	expression = strings.Join(tokens[at+1:end+1], " ")
	if at >= 2 && tokens[at-2] == "constraint" {
		return tokens[at-1], expression
	}
	return expression, expression
}

var (
	sqlToken = regexp.MustCompile("--[^\n]*|/\\*(?s:.*?)\\*/|\\s+|'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\\[[^]]*]|\\w+|.")
	sqlBlank = regexp.MustCompile(`^(--|/\*|\s)`)
)

// sqlTokens splits a statement so that spaces, comments, case and the way of
// quoting names make no difference, and texts keep theirs.
func sqlTokens(statement string) []string {
	var tokens []string
	for _, token := range sqlToken.FindAllString(statement, -1) {
		switch {
		case sqlBlank.MatchString(token):
		case token[0] == '\'':
			tokens = append(tokens, token)
		default:
			tokens = append(tokens, strings.ToLower(strings.Trim(token, "\"`[]")))
		}
	}
	return tokens
}
