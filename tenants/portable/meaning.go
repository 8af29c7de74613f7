package portable

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"tenantry/tenants"
)

// meaning returns the same value for all values of a kind that mean the same, though SQLite can store them in several
// ways: a time, for example, in any zone.
func meaning(v tenants.Value, k kind) tenants.Value {
	if v.Type == tenants.Null {
		return v
	}
	switch k {
	case integral:
		if v.Type == tenants.Real && v.Real == math.Trunc(v.Real) {
			return tenants.Value{Type: tenants.Integer, Int: int64(v.Real)}
		}
	case instant, wall, day:
		if t, ok := parseTime(v); ok {
			return meaningOfTime(t, k)
		}
	case double:
		return meaningOfReal(v)
	case single:
		v = meaningOfReal(v)
		v.Real = float64(float32(v.Real))
	case decimal:
		text, _ := numberText(v) // empty if it is none
		return textValue(trimZeros(plainDecimal(text)))
	case document:
		return meaningOfJSON(v)
	case unique:
		return meaningOfUUID(v)
	case octets:
		v.Type = tenants.Blob
	case textual:
		text, _ := textText(v) // as it is, if it isn't valid
		text.Type = tenants.Text
		return text
	}
	return v
}

// meaningOfReal returns an integer as a real, and no negative zero, which SQLite doesn't store.
func meaningOfReal(v tenants.Value) tenants.Value {
	if v.Type == tenants.Integer {
		v = tenants.Value{Type: tenants.Real, Real: float64(v.Int)}
	}
	if v.Real == 0 {
		v.Real = 0
	}
	return v
}

func textValue(text string) tenants.Value {
	return tenants.Value{Type: tenants.Text, Bytes: []byte(text)}
}

func meaningOfTime(t time.Time, k kind) tenants.Value {
	switch k {
	case day:
		return textValue(t.Format(time.DateOnly))
	case wall:
		_, offset := t.Zone()
		t = t.Add(time.Duration(offset) * time.Second)
	}
	return tenants.Value{Type: tenants.Integer, Int: t.Unix()*1e6 + int64(t.Nanosecond()/1e3)}
}

// timeFormats are the forms in which the drivers read times.
var timeFormats = []string{
	"2006-01-02 15:04:05.999999999-07:00", "2006-01-02T15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// parseTime returns the time that SQLite stores as v.
func parseTime(v tenants.Value) (time.Time, bool) {
	switch v.Type {
	case tenants.Integer:
		if v.Int > 1e12 || v.Int < -1e12 {
			return time.UnixMilli(v.Int).UTC(), true
		}
		return time.Unix(v.Int, 0).UTC(), true
	case tenants.Text:
		if t, ok := parseUsualTime(v.Bytes); ok {
			return t, true
		}
		text := strings.TrimSuffix(string(v.Bytes), "Z")
		for _, format := range timeFormats {
			if t, err := time.Parse(format, text); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// parseUsualTime parses a date, or a time with a second, perhaps its fraction, and the zone +00:00, as the application's are
// written: time.Parse would take most of the time of a copy. It returns false for other forms.
func parseUsualTime(b []byte) (time.Time, bool) {
	const date, second, utc = len("2006-01-02"), len("2006-01-02 15:04:05"), "+00:00"
	if len(b) < date || b[4] != '-' || b[7] != '-' {
		return time.Time{}, false
	}
	number, ok := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			n = n*10 + int(c-'0')
		}
		return n
	}, true
	digits := func(from, to int) {
		for _, c := range b[from:to] {
			ok = ok && '0' <= c && c <= '9'
		}
	}
	digits(0, 4)
	digits(5, 7)
	digits(8, date)
	hour, minute, sec, nano := 0, 0, 0, 0
	if len(b) > date {
		end := len(b) - len(utc)
		if end < second || end > second+10 || end == second+1 || string(b[end:]) != utc || b[date] != ' ' || b[13] != ':' || b[16] != ':' || end > second && b[second] != '.' {
			return time.Time{}, false
		}
		digits(11, 13)
		digits(14, 16)
		digits(17, second)
		hour, minute, sec = number(11, 13), number(14, 16), number(17, second)
		if end > second {
			digits(second+1, end)
			nano = number(second+1, end)
			for range second + 10 - end {
				nano *= 10
			}
		}
	}
	t := time.Date(number(0, 4), time.Month(number(5, 7)), number(8, date), hour, minute, sec, nano, time.UTC)
	return t, ok && hour < 24 && minute < 60 && sec < 60 && int(t.Month()) == number(5, 7) && t.Day() == number(8, date)
}

// longestExponent bounds the length of a number that is written without its exponent.
const longestExponent = 400

// plainDecimal returns a number without an exponent.
func plainDecimal(text string) string {
	mantissa, exponent, found := strings.Cut(strings.ToLower(text), "e")
	shift, err := strconv.Atoi(exponent)
	if !found || err != nil || shift > longestExponent || shift < -longestExponent {
		return text
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	point := len(whole) + shift
	all := whole + fraction
	switch {
	case point <= 0:
		all = "0." + strings.Repeat("0", -point) + all
	case point >= len(all):
		all += strings.Repeat("0", point-len(all))
	default:
		all = all[:point] + "." + all[point:]
	}
	if all = strings.TrimLeft(all, "0"); all == "" || all[0] == '.' {
		all = "0" + all
	}
	if negative {
		all = "-" + all
	}
	return all
}

// meaningOfJSON returns a document with sorted members, and numbers as jsonb writes them.
func meaningOfJSON(v tenants.Value) tenants.Value {
	text, _ := textText(v)
	decoder := json.NewDecoder(bytes.NewReader(text.Bytes))
	decoder.UseNumber()
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		return v
	}
	sorted, err := json.Marshal(plainNumbers(decoded))
	if err != nil {
		return v
	}
	return tenants.Value{Type: tenants.Text, Bytes: sorted}
}

func plainNumbers(decoded any) any {
	switch d := decoded.(type) {
	case json.Number:
		return json.Number(trimZeros(plainDecimal(string(d))))
	case []any:
		for i := range d {
			d[i] = plainNumbers(d[i])
		}
	case map[string]any:
		for name := range d {
			d[name] = plainNumbers(d[name])
		}
	}
	return decoded
}

func meaningOfUUID(v tenants.Value) tenants.Value {
	text, _ := toPostgres(v, columns{kind: unique})
	return textValue(strings.ToLower(strings.NewReplacer("-", "", "{", "", "}", "").Replace(string(text.Bytes))))
}
