package portable

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"tenantry/tenants"
)

// toSQLite returns the value of a column on Postgres as the application would store it on SQLite.
func toSQLite(v tenants.Value, c columns) (tenants.Value, error) {
	if v.Type == tenants.Null {
		return v, nil
	}
	switch c.kind {
	case integral:
		n, err := strconv.ParseInt(string(v.Bytes), 10, 64)
		return tenants.Value{Type: tenants.Integer, Int: n}, err
	case boolean:
		if v.Bytes[0] == 't' {
			return tenants.Value{Type: tenants.Integer, Int: 1}, nil
		}
		return tenants.Value{Type: tenants.Integer}, nil
	case octets:
		return fromHex(v.Bytes[min(len(v.Bytes), len(`\x`)):])
	case instant, wall, day:
		return timeToSQLite(v, c)
	case double, single:
		return realToSQLite(v)
	case decimal:
		return decimalToSQLite(v), nil
	case unique:
		if isBlob(c.sqlite) {
			return fromHex([]byte(strings.ReplaceAll(string(v.Bytes), "-", "")))
		}
	}
	return v, nil
}

func fromHex(digits []byte) (tenants.Value, error) {
	b := make([]byte, hex.DecodedLen(len(digits)))
	_, err := hex.Decode(b, digits)
	return tenants.Value{Type: tenants.Blob, Bytes: b}, err
}

var errTimeRange = errors.New("a time before the year 1 or after the year 9999 can't be stored on SQLite")

// timeToSQLite writes times as the drivers do.
func timeToSQLite(v tenants.Value, c columns) (tenants.Value, error) {
	text := string(v.Bytes)
	if len(text) < len("2006-01-02") || text[4] != '-' || strings.HasSuffix(text, "BC") {
		return v, errTimeRange
	}
	switch {
	case c.kind == instant:
		text = strings.TrimSuffix(text, "+00") + "+00:00" // the zone of the session is UTC
	case c.kind == wall:
		text += "+00:00"
	case c.longDay:
		text += " 00:00:00+00:00"
	}
	return tenants.Value{Type: tenants.Text, Bytes: []byte(text)}, nil
}

func realToSQLite(v tenants.Value) (tenants.Value, error) {
	f, err := strconv.ParseFloat(string(v.Bytes), 64)
	if err == nil && math.IsNaN(f) {
		err = errors.New("NaN can't be stored on SQLite")
	}
	return tenants.Value{Type: tenants.Real, Real: f}, err
}

// decimalToSQLite returns a number that SQLite stores exactly, or else the digits.
func decimalToSQLite(v tenants.Value) tenants.Value {
	digits := trimZeros(string(v.Bytes))
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return tenants.Value{Type: tenants.Integer, Int: n}
	}
	const exact = 15 // digits of a number that SQLite keeps
	if f, err := strconv.ParseFloat(digits, 64); err == nil && len(digits) <= exact && strconv.FormatFloat(f, 'f', -1, 64) == digits {
		return tenants.Value{Type: tenants.Real, Real: f}
	}
	return v
}

// trimZeros returns a decimal number without zeros at the end of its fraction.
func trimZeros(digits string) string {
	if strings.Contains(digits, ".") {
		digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	}
	return digits
}
