package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// A connection for scopes runs the application's own SQL. It ensures that each text is one statement, and
// that no state in the session remains for the next scope.

// errOption means that an argument is an option of pgx. One of them selects the protocol in which a text
// can be several statements.
var errOption = errors.New("an option of pgx is no argument of a statement")

// CheckNamedValue refuses pgx's options in a scope. If the option selects a protocol, as gorm's migrator
// does, it substitutes one that accepts only a single statement.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if c.scoped {
		switch v.Value.(type) {
		case pgx.QueryExecMode:
			v.Value = pgx.QueryExecModeExec
		case pgx.QueryRewriter, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			return errOption
		}
	}
	return c.Conn.CheckNamedValue(v)
}

// ExecContext runs a statement. Without arguments pgx would send the text in the protocol that accepts
// several statements.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.exec(ctx, query, args)
	return result, c.refused(err)
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.note(query)
	if !c.scoped || len(args) > 0 && args[0].Value != pgx.QueryExecModeExec {
		return c.Conn.ExecContext(ctx, query, args)
	}
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	options := []any{pgx.QueryExecModeExec}
	for _, arg := range args {
		options = append(options, arg.Value)
	}
	rows, err := c.Conn.Conn().Query(ctx, query, options...)
	if err != nil {
		return nil, err
	}
	rows.Close()
	return driver.RowsAffected(rows.CommandTag().RowsAffected()), rows.Err()
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.note(query)
	rows, err := c.Conn.QueryContext(ctx, query, args)
	return rows, c.refused(err)
}

// note marks the session as dirty if a statement may leave state in it.
func (c *conn) note(query string) {
	c.dirty = c.dirty || c.scoped && c.tags == nil && !leavesNoState(query)
}

// clean resets the session if it is dirty, and closes the connection if that fails.
func (c *conn) clean() {
	if !c.dirty || c.Conn.Conn().IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	err := c.Conn.Conn().DeallocateAll(ctx) // also tells pgx that its prepared statements are gone
	if err == nil {
		_, err = c.Conn.Conn().Exec(ctx, "DISCARD ALL")
	}
	if err != nil {
		c.discard()
		return
	}
	c.dirty, c.limit = false, 0
}

// limitStatements has the server cancel statements that take longer than those of the scope's tenant may. It keeps the
// connection then, which it loses when a context ends.
func (c *conn) limitStatements(ctx context.Context) error {
	limit := tenants.StatementTimeLimit(ctx)
	if !c.scoped || limit == c.limit {
		return nil
	}
	statement := "RESET statement_timeout"
	if limit > 0 {
		statement = fmt.Sprintf("SET statement_timeout = %d", (limit + time.Millisecond - 1).Milliseconds())
	}
	if _, err := c.Conn.Conn().Exec(ctx, statement); err != nil {
		return err
	}
	c.limit = limit
	return nil
}

// leavesNoState reports whether a statement is known to leave no state in the session: it reads or writes
// rows, and calls only known functions. A parenthesis after any other word may be a call of set_config or
// pg_advisory_lock, whatever quoting or comments hide. A statement that is not known only costs a round
// trip or two at the end of the scope.
func leavesNoState(query string) bool {
	switch tenants.Keyword(query, true) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "SAVEPOINT", "RELEASE", "ROLLBACK":
	default:
		return false
	}
	if strings.Contains(query, "--") || strings.Contains(query, "/*") || strings.Contains(query, `&"`) {
		return false
	}
	for i := strings.IndexByte(query, '('); i >= 0; {
		if !isHarmlessBefore(query[:i]) {
			return false
		}
		next := strings.IndexByte(query[i+1:], '(')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return true
}

// isHarmlessBefore reports whether a parenthesis after text calls nothing or a known function.
func isHarmlessBefore(text string) bool {
	word, before := lastWord(text)
	switch {
	case word == "":
		return before == "" || strings.IndexByte("(),=<>+-*/%|&!~^?:]", before[len(before)-1]) >= 0 || isTable(before)
	case strings.HasSuffix(before, "."):
		return false
	case isKnown(word):
		return true
	}
	into, _ := lastWord(before)
	return into == "into"
}

// isTable reports whether text ends with "into" and a quoted name.
func isTable(text string) bool {
	name, quoted := strings.CutSuffix(text, `"`)
	if !quoted {
		return false
	}
	open := strings.LastIndexByte(name, '"')
	if open < 0 || strings.HasSuffix(name[:open], `"`) {
		return false
	}
	into, _ := lastWord(name[:open])
	return into == "into"
}

// lastWord splits text before the word at its end. It returns the word in lower case, or "" if text ends
// with something else, and the text before it without trailing blanks.
func lastWord(text string) (word, before string) {
	text = strings.TrimRight(text, " \t\r\n\f\v")
	start := len(text)
	for start > 0 && isWordByte(text[start-1]) {
		start--
	}
	return strings.ToLower(text[start:]), strings.TrimRight(text[:start], " \t\r\n\f\v")
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isKnown reports whether a word before a parenthesis is a keyword or a function without side effects.
func isKnown(word string) bool {
	switch word {
	case "select", "from", "where", "and", "or", "not", "in", "exists", "any", "all", "some", "values", "on", "using", "conflict",
		"as", "by", "set", "having", "limit", "offset", "when", "then", "else", "case", "is", "like", "ilike", "between", "join",
		"lateral", "materialized", "union", "except", "intersect", "filter", "over", "distinct", "returning", "array", "row", "within",
		"group", "cube", "rollup", "sets", "numeric", "varchar", "char", "timestamp", "timestamptz",
		"count", "sum", "min", "max", "avg", "bool_and", "bool_or", "string_agg", "array_agg", "coalesce", "nullif", "greatest",
		"least", "lower", "upper", "length", "octet_length", "trim", "btrim", "ltrim", "rtrim", "substr", "substring", "replace",
		"left", "right", "strpos", "position", "concat", "abs", "round", "floor", "ceil", "mod", "date_trunc", "extract", "to_char",
		"cast", "row_number", "rank", "dense_rank", "lag", "lead", "unnest", "generate_series", "now", "clock_timestamp":
		return true
	}
	return false
}
