package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// In a shared database a statement such as SET ROLE could make a scope another tenant's. Three things keep it from that:
// only statements run whose first word is known to be harmless; what the server says that a statement was is compared with
// the same list, before another one runs; and a COMMIT checks the role.

// mayBegin reports whether a statement that begins like query may run as a tenant's role in a shared database.
func mayBegin(query string) bool {
	switch tenants.Keyword(query, true) {
	case "", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "SAVEPOINT", "RELEASE", "ROLLBACK", "LOCK", "EXPLAIN", "SHOW", "(":
		return true
	case "SET":
		words := strings.Fields(tenants.TrimBlank(query, true))
		return len(words) > 1 && strings.EqualFold(words[1], "CONSTRAINTS")
	}
	return false
}

// mayHaveBeen reports whether a statement may have been of the kind that its command tag tells.
func mayHaveBeen(tag string) bool {
	word, _, _ := strings.Cut(tag, " ")
	switch word {
	case "", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "SAVEPOINT", "RELEASE", "ROLLBACK", "EXPLAIN", "SHOW":
		return true
	}
	return tag == "LOCK TABLE" || tag == "SET CONSTRAINTS"
}

// tags notes the first statement of a session that was none of those that a tenant's role may run.
type tags struct{ strange atomic.Pointer[string] }

var _ pgx.QueryTracer = (*tags)(nil)

// TraceQueryStart does nothing.
func (*tags) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd notes the command tag.
func (t *tags) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if tag := data.CommandTag.String(); data.Err == nil && !mayHaveBeen(tag) {
		t.strange.CompareAndSwap(nil, &tag)
	}
}

// stray returns ErrForbiddenStatement, and closes the connection, if a statement has run that must not.
func (c *conn) stray() error {
	if c.tags == nil {
		return nil
	}
	tag := c.tags.strange.Load()
	if tag == nil {
		return nil
	}
	c.discard()
	return fmt.Errorf("%w: the server has run %s, which a tenant in a shared database may not", tenants.ErrForbiddenStatement, *tag)
}
