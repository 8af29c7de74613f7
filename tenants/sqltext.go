package tenants

import (
	"slices"
	"strings"
)

// The functions in this file read only the beginning of a statement. Both engines read it in the same
// way except for comments: on Postgres they nest, and a carriage return ends a short one. The engines
// themselves refuse several statements in one text: Postgres by the extended protocol, SQLite when it
// prepares the text. Several only detects most such texts early, for a better error.

// forbidden are the first words of statements that a scope refuses. A raw COMMIT defeats the rollback
// on both engines; ATTACH reaches another tenant's file; a PRAGMA affects the connection's next user
// (PITFALLS, GORM and SQLite). COPY transfers rows in a way that a statement doesn't support.
var forbidden = []string{
	"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT",
	"ATTACH", "DETACH", "PRAGMA", "VACUUM", "COPY",
}

// isForbidden reports whether sql may not run in a scope: a statement that begins or ends a
// transaction or acts outside of it, a savepoint whose name can't be read, several statements at
// once, or in a View a change of the transaction's mode.
func isForbidden(sql string, nested, readOnly bool) bool {
	word, rest := cutWord(sql, nested)
	next, _ := cutWord(rest, nested)
	switch {
	case Several(sql, nested):
		return true
	case word == "PREPARE":
		return next == "TRANSACTION"
	case word == "SET":
		return readOnly && (next == "TRANSACTION" || next == "SESSION")
	}
	if verb, name := savepointOf(sql, nested); verb != "" {
		return name == ""
	}
	return slices.Contains(forbidden, word)
}

// Keyword returns the first word of a statement in upper case, or "" if it doesn't begin with a word.
// nested means that comments nest, as on Postgres.
func Keyword(sql string, nested bool) string {
	word, _ := cutWord(sql, nested)
	return word
}

// savepointOf parses SAVEPOINT, RELEASE and ROLLBACK TO. It returns the verb, and the savepoint's name
// as the engine compares it. verb is empty for any other statement; name is empty if its spelling is
// not supported.
func savepointOf(sql string, nested bool) (verb, name string) {
	verb, rest := cutWord(sql, nested)
	switch verb {
	case "SAVEPOINT":
	case "RELEASE":
		rest = cutOptional(rest, nested, "SAVEPOINT")
	case "ROLLBACK":
		to, after := cutWord(cutOptional(rest, nested, "TRANSACTION", "WORK"), nested)
		if to != "TO" {
			return "", ""
		}
		rest = cutOptional(after, nested, "SAVEPOINT")
	default:
		return "", ""
	}
	name, rest = cutName(rest, nested)
	if TrimBlank(rest, nested) != "" || len(name) > 63 { // Postgres truncates longer names
		return verb, ""
	}
	return verb, name
}

// cutOptional removes the first word of sql if it is one of words, unless nothing else is left.
func cutOptional(sql string, nested bool, words ...string) string {
	word, rest := cutWord(sql, nested)
	if slices.Contains(words, word) && TrimBlank(rest, nested) != "" {
		return rest
	}
	return sql
}

// cutName splits sql after the name at its beginning: a word, or anything in double quotes. Names
// ignore case, except for quoted ones on Postgres.
func cutName(sql string, nested bool) (name, rest string) {
	if !strings.HasPrefix(sql, `"`) {
		name, rest = cutWord(sql, nested)
		return strings.ToLower(name), rest
	}
	name, rest, closed := strings.Cut(sql[1:], `"`)
	if !closed || strings.HasPrefix(rest, `"`) {
		return "", rest
	}
	if !nested {
		name = strings.ToLower(name)
	}
	return name, TrimBlank(rest, nested)
}

// cutWord splits sql after the word at its beginning. It returns the word in upper case and the rest
// without leading blanks.
func cutWord(sql string, nested bool) (word, rest string) {
	sql = TrimBlank(sql, nested)
	end := 0
	for end < len(sql) && isWordByte(sql[end]) {
		end++
	}
	return strings.ToUpper(sql[:end]), TrimBlank(sql[end:], nested)
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// TrimBlank removes white space, empty statements and comments from the beginning of sql. nested
// means that comments nest, as on Postgres.
func TrimBlank(sql string, nested bool) string {
	for {
		sql = strings.TrimLeft(strings.TrimPrefix(sql, "\ufeff"), " \t\r\n\f\v;")
		switch {
		case strings.HasPrefix(sql, "--"):
			sql = sql[shortComment(sql, nested):]
		case strings.HasPrefix(sql, "/*"):
			sql = sql[longComment(sql, nested):]
		case !strings.HasPrefix(sql, "\ufeff"):
			return sql
		}
	}
}

// shortComment returns the length of the -- comment at the beginning of sql.
func shortComment(sql string, nested bool) int {
	ends := "\n"
	if nested {
		ends = "\r\n"
	}
	if end := strings.IndexAny(sql, ends); end >= 0 {
		return end + 1
	}
	return len(sql)
}

// longComment returns the length of the /* */ comment at the beginning of sql.
func longComment(sql string, nested bool) int {
	depth := 1
	for i := 2; i < len(sql); i++ {
		switch {
		case strings.HasPrefix(sql[i:], "*/"):
			depth--
			i++
		case nested && strings.HasPrefix(sql[i:], "/*"):
			depth++
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(sql)
}

// Several reports whether sql is more than one statement. At a form of quoting that it doesn't read,
// it gives up and returns false.
func Several(sql string, nested bool) bool {
	if !strings.Contains(sql, ";") {
		return false
	}
	sql = TrimBlank(sql, nested)
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == ';':
			return TrimBlank(sql[i:], nested) != ""
		case c == '$' && i+1 < len(sql) && (sql[i+1] < '0' || sql[i+1] > '9'):
			return false
		case c == '\'' && i > 0 && sql[i-1]|0x20 == 'e':
			return false
		case c == '\'' || c == '"' || c == '`':
			i = skipTo(sql, i, string(c))
		case c == '[':
			i = skipTo(sql, i, "]")
		case strings.HasPrefix(sql[i:], "--"):
			i += shortComment(sql[i:], nested) - 1
		case strings.HasPrefix(sql[i:], "/*"):
			i += longComment(sql[i:], nested) - 1
		}
	}
	return false
}

// skipTo returns the index of the last byte of the first end after from, or len(sql).
func skipTo(sql string, from int, end string) int {
	at := strings.Index(sql[from+1:], end)
	if at < 0 {
		return len(sql)
	}
	return from + at + len(end)
}
