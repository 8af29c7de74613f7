package tenants

import "strings"

// forbidden begin the statements that have no place in a scope. A raw COMMIT
// defeats the rollback on both engines; ATTACH reaches another tenant's file; a
// PRAGMA leaks to the connection's next user (PITFALLS, GORM and SQLite).
var forbidden = []string{
	"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT",
	"ATTACH", "DETACH", "PRAGMA", "VACUUM",
}

// isForbidden reports whether any statement in sql is forbidden. Savepoints
// and ROLLBACK TO are not.
func isForbidden(sql string) bool {
	for sql != "" {
		sql = skipBlank(sql)
		for _, keyword := range forbidden {
			if _, ok := cutKeyword(sql, keyword); ok && !isRollbackTo(sql) {
				return true
			}
		}
		if rest, ok := cutKeyword(sql, "PREPARE"); ok {
			if _, ok := cutKeyword(rest, "TRANSACTION"); ok {
				return true
			}
		}
		sql = nextStatement(sql)
	}
	return false
}

// isRollbackTo reports whether sql is ROLLBACK [TRANSACTION|WORK] TO ….
func isRollbackTo(sql string) bool {
	rest, ok := cutKeyword(sql, "ROLLBACK")
	if !ok {
		return false
	}
	for _, optional := range []string{"TRANSACTION", "WORK"} {
		if after, ok := cutKeyword(rest, optional); ok {
			rest = after
		}
	}
	_, ok = cutKeyword(rest, "TO")
	return ok
}

// cutKeyword cuts keyword, in any case, and the blanks around it off the
// beginning of sql.
func cutKeyword(sql, keyword string) (rest string, ok bool) {
	sql = skipBlank(sql)
	if len(sql) < len(keyword) || !strings.EqualFold(sql[:len(keyword)], keyword) {
		return "", false
	}
	rest = sql[len(keyword):]
	if rest != "" && isWordByte(rest[0]) {
		return "", false
	}
	return skipBlank(rest), true
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// skipBlank skips white space, empty statements and comments.
func skipBlank(sql string) string {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v;\ufeff")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql[2:], "*/")
		default:
			return sql
		}
	}
}

// nextStatement is what follows the first semicolon that is not inside quotes
// or a comment.
func nextStatement(sql string) string {
	if !strings.Contains(sql, ";") {
		return ""
	}
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == ';':
			return sql[i+1:]
		case c == '\'' || c == '"' || c == '`':
			i = skipTo(sql, i, string(c))
		case c == '[':
			i = skipTo(sql, i, "]")
		case strings.HasPrefix(sql[i:], "--"):
			i = skipTo(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipTo(sql, i, "*/")
		}
	}
	return ""
}

// skipTo is the index of the last byte of the first end after from.
func skipTo(sql string, from int, end string) int {
	at := strings.Index(sql[from+1:], end)
	if at < 0 {
		return len(sql)
	}
	return from + at + len(end)
}
