package portable

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"tenantry/tenants"
)

// toPostgres returns the value of a column on SQLite as Postgres reads it.
func toPostgres(v tenants.Value, c columns) (tenants.Value, error) {
	if v.Type == tenants.Null {
		return v, nil
	}
	var text string
	var err error
	switch c.kind {
	case integral:
		text, err = integerText(v)
	case boolean:
		text, err = booleanText(v)
	case octets:
		return binaryText(v), nil
	case instant, wall, day:
		text, err = timeText(v, c.kind)
	case double, single, decimal:
		text, err = numberText(v)
	case unique:
		if v.Type == tenants.Blob {
			return tenants.Value{Type: tenants.Text, Bytes: []byte(hex.EncodeToString(v.Bytes))}, nil
		}
		return textText(v)
	default:
		return textText(v)
	}
	return tenants.Value{Type: tenants.Text, Bytes: []byte(text)}, err
}

func integerText(v tenants.Value) (string, error) {
	switch {
	case v.Type == tenants.Integer:
		return strconv.FormatInt(v.Int, 10), nil
	case v.Type == tenants.Real && v.Real == math.Trunc(v.Real) && math.Abs(v.Real) < 1<<53:
		return strconv.FormatInt(int64(v.Real), 10), nil
	}
	return "", errors.New("it is not an integer")
}

func booleanText(v tenants.Value) (string, error) {
	switch {
	case v.Type == tenants.Integer && v.Int == 0:
		return "f", nil
	case v.Type == tenants.Integer && v.Int == 1:
		return "t", nil
	}
	return "", errors.New("it is neither 0 nor 1, for false and true")
}

func binaryText(v tenants.Value) tenants.Value {
	if v.Type != tenants.Blob && v.Type != tenants.Text {
		v, _ = textText(v) // digits are valid text
	}
	b := make([]byte, len(`\x`)+hex.EncodedLen(len(v.Bytes)))
	copy(b, `\x`)
	hex.Encode(b[len(`\x`):], v.Bytes)
	return tenants.Value{Type: tenants.Text, Bytes: b}
}

func timeText(v tenants.Value, k kind) (string, error) {
	t, ok := parseTime(v)
	switch {
	case !ok:
		return "", errors.New("it is not a time")
	case k == instant:
		return t.UTC().Format("2006-01-02 15:04:05.999999+00"), nil
	case k == wall:
		return t.Format("2006-01-02 15:04:05.999999"), nil
	}
	return t.Format(time.DateOnly), nil
}

func numberText(v tenants.Value) (string, error) {
	switch v.Type {
	case tenants.Integer:
		return strconv.FormatInt(v.Int, 10), nil
	case tenants.Real:
		return strconv.FormatFloat(v.Real, 'g', -1, 64), nil
	}
	if _, err := strconv.ParseFloat(string(v.Bytes), 64); err != nil {
		return "", errors.New("it is not a number")
	}
	return string(v.Bytes), nil
}

// textText returns text that Postgres can store.
func textText(v tenants.Value) (tenants.Value, error) {
	switch v.Type {
	case tenants.Integer:
		v.Bytes = strconv.AppendInt(nil, v.Int, 10)
	case tenants.Real:
		v.Bytes = strconv.AppendFloat(nil, v.Real, 'g', -1, 64)
	}
	for _, c := range v.Bytes {
		if c == 0 {
			return v, errors.New("text with a NUL byte can't be stored on Postgres")
		}
	}
	if !utf8.Valid(v.Bytes) {
		return v, errors.New("text that is not valid UTF-8 can't be stored on Postgres")
	}
	return tenants.Value{Type: tenants.Text, Bytes: v.Bytes}, nil
}
