package shape

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	sqliteObjects = `
		SELECT type, name, coalesce(sql, '') FROM sqlite_master
		WHERE tbl_name <> 'goose_db_version' AND tbl_name NOT LIKE 'sqlite\_%' ESCAPE '\'
		ORDER BY type, name`

	sqliteTable = `
		SELECT name, concat_ws(', ', type, iif(wr, 'without rowid', NULL), iif(strict, 'strict', NULL))
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

	// SQLite numbers the indexes that it makes for keys, so the query identifies them by their
	// columns.
	sqliteIndexes = `
		SELECT iif(origin = 'c', name, format('of %s (%s)', origin, columns)),
			concat_ws(', ', iif("unique", 'unique', NULL), iif(partial, 'partial', NULL), columns),
			name
		FROM (SELECT *, (
				SELECT group_concat(concat_ws(' ', coalesce(name, 'expression'), iif("desc", 'desc', NULL), 'collate ' || coll),
					', ' ORDER BY seqno)
				FROM pragma_index_xinfo(list.name) WHERE key) AS columns
			FROM pragma_index_list(?) AS list)`

	sqliteMigrations = `
		SELECT 'migration ' || version_id, group_concat(iif(is_applied, 'applied', 'taken back'), ', ' ORDER BY id)
		FROM goose_db_version GROUP BY version_id`

	sqliteHasMigrations = `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`
)

// readSQLite queries the pragmas, and parses the CREATE statements for what the pragmas don't show.
func (s Shape) readSQLite(ctx context.Context, r Reader) error {
	objects, err := rows(ctx, r, sqliteObjects)
	if err != nil {
		return err
	}
	definitions := map[string]string{}
	var tables []string
	for _, row := range objects {
		kind, name, tokens := row[0], row[1], sqlTokens(row[2])
		switch kind {
		case "table":
			tables = append(tables, name)
			s.defineSQLite(name, tokens)
		case "index":
			definitions[name] = strings.Join(tokens, " ")
		default: // a view or trigger
			s.put(kind+" "+name, strings.Join(tokens, " "))
		}
	}
	for _, table := range tables {
		if err := s.readSQLiteTable(ctx, r, table, definitions); err != nil {
			return err
		}
	}
	migrated, err := rows(ctx, r, sqliteHasMigrations)
	if err != nil || len(migrated) == 0 {
		return err
	}
	return s.add(ctx, r, sqliteMigrations)
}

func (s Shape) readSQLiteTable(ctx context.Context, r Reader, table string, definitions map[string]string) error {
	for _, part := range []struct{ query, thing string }{
		{sqliteTable, "table %s"},
		{sqliteColumns, "table %s, column %s"},
		{sqliteForeignKeys, "table %s, foreign key (%s)"},
		{sqliteIndexes, "table %s, index %s"},
	} {
		found, err := rows(ctx, r, part.query, table)
		if err != nil {
			return err
		}
		for _, row := range found {
			names := []any{table, row[0]}
			properties := row[1]
			if part.query == sqliteTable {
				names = names[:1]
			}
			if part.query == sqliteIndexes {
				properties += ", " + definitions[row[2]]
			}
			s.put(fmt.Sprintf(part.thing, names...), properties)
		}
	}
	return nil
}

// defineSQLite parses a CREATE TABLE for its checks, and for the keywords whose effect no pragma shows.
func (s Shape) defineSQLite(table string, tokens []string) {
	var words []string
	for i, token := range tokens {
		switch token {
		case "autoincrement", "deferrable", "initially", "deferred", "generated", "stored":
			words = append(words, token)
		case "collate", "conflict":
			words = append(words, strings.Join(tokens[i:min(i+2, len(tokens))], " "))
		case "check":
			name, expression := checkAt(tokens, i)
			s.put(fmt.Sprintf("table %s, check %s", table, name), expression)
		}
	}
	slices.Sort(words)
	s.put(fmt.Sprintf("table %s, options", table), strings.Join(words, ", "))
}

// checkAt returns the constraint at the keyword CHECK. One without a name is named by its expression.
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
	expression = strings.Join(tokens[at+1:min(end+1, len(tokens))], " ")
	if at >= 2 && tokens[at-2] == "constraint" {
		return tokens[at-1], expression
	}
	return expression, expression
}

var (
	sqlToken = regexp.MustCompile("--[^\n]*|/\\*(?s:.*?)\\*/|\\s+|'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\\[[^]]*]|\\w+|.")
	sqlBlank = regexp.MustCompile(`^(--|/\*|\s)`)
)

// sqlTokens splits a statement into tokens in which spaces, comments, case and the quoting of names
// make no difference. String literals are kept as they are.
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
