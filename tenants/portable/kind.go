package portable

import (
	"strings"

	"tenantry/tenants"
)

// kind is what the values of a column mean on both engines. It is that of the column on Postgres, whose types say more.
type kind int

const (
	textual kind = iota
	integral
	boolean
	octets
	instant // timestamp with time zone
	wall    // timestamp without time zone
	day
	document // JSON
	double
	single
	decimal
	unique // UUID
)

// kindOf returns the kind of a column on Postgres.
func kindOf(c tenants.Column) kind {
	switch c.Type {
	case "smallint", "integer", "bigint", "oid":
		return integral
	case "boolean":
		return boolean
	case "bytea":
		return octets
	case "timestamp with time zone":
		return instant
	case "timestamp without time zone":
		return wall
	case "date":
		return day
	case "json", "jsonb":
		return document
	case "double precision":
		return double
	case "real":
		return single
	case "numeric":
		return decimal
	case "uuid":
		return unique
	}
	return textual
}

// isBlob reports whether a column on SQLite is declared for bytes.
func isBlob(c tenants.Column) bool { return strings.Contains(c.Type, "blob") }
