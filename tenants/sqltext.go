package tenants

import (
	"slices"
	"strings"
)

// What stands here reads only the beginning of a statement, which both engines
// read alike but for comments: on Postgres they nest, and a carriage return
// ends the short ones. That a text is one statement is the engines' to enforce:
// Postgres has it from the extended protocol, SQLite from preparing it. Several
// only finds most such texts early, for a better error.

// forbidden begin the statements that have no place in a scope. A raw COMMIT
// defeats the rollback on both engines; ATTACH reaches another tenant's file; a
// PRAGMA leaks to the connection's next user (PITFALLS, GORM and SQLite). COPY
// waits for rows, or sends some, that a statement has no way for.
var forbidden = []string{
	"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT",
	"ATTACH", "DETACH", "PRAGMA", "VACUUM", "COPY",
}

// isForbidden reports whether sql may not run in a scope: a statement that
// begins or ends a transaction or reaches past it, a savepoint whose name can't
// be read, or several statements. In a View it may not have the transaction's
// mode changed either.
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

// Keyword is the word with which a statement begins, in upper case, empty where
// it begins with something else. Comments nest on Postgres.
func Keyword(sql string, nested bool) string {
	word, _ := cutWord(sql, nested)
	return word
}

// savepointOf reads SAVEPOINT, RELEASE and ROLLBACK TO: the verb and the
// savepoint's name, as the engine compares it. verb is empty for every other
// statement, name for a name in a spelling that is not supported.
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
	if TrimBlank(rest, nested) != "" || len(name) > 63 { // Postgres cuts it there
		return verb, ""
	}
	return verb, name
}

// cutOptional cuts the first of the words that sql begins with, unless nothing
// would be left.
func cutOptional(sql string, nested bool, words ...string) string {
	word, rest := cutWord(sql, nested)
	if slices.Contains(words, word) && TrimBlank(rest, nested) != "" {
		return rest
	}
	return sql
}

// cutName cuts the name that sql begins with: a word, or anything in double
// quotes. Names are compared without case, except quoted ones on Postgres.
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

// cutWord cuts the word, in upper case, and the blanks around it off the
// beginning of sql.
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

// TrimBlank cuts white space, empty statements and comments off the beginning of
// sql. Comments nest on Postgres.
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

// shortComment is the length of the comment -- … that sql begins with.
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

// longComment is the length of the comment /* … */ that sql begins with.
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

// Several reports whether sql is more than one statement, as far as it can
// tell: where quoting begins that it doesn't read, it reports false.
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

// skipTo is the index of the last byte of the first end after from.
func skipTo(sql string, from int, end string) int {
	at := strings.Index(sql[from+1:], end)
	if at < 0 {
		return len(sql)
	}
	return from + at + len(end)
}
