package tenants

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The words for values of a limit that are no number.
const (
	wordDefault = "default"
	wordNone    = "none"
)

// The largest values of limits.
const (
	maxRequests      = 1_000_000
	maxConcurrency   = 100_000
	maxWeight        = 100
	minStatementTime = time.Millisecond
	maxStatementTime = 24 * time.Hour
)

// Want says which values Parse accepts, besides default and none.
func (l Limit) Want() string {
	switch l {
	case LimitRequests:
		return fmt.Sprintf("a whole number of requests a second from 1 to %d, such as 100/s", maxRequests)
	case LimitConcurrency:
		return fmt.Sprintf("a whole number of requests at once from 1 to %d, such as 16", maxConcurrency)
	case LimitStatementTime:
		return fmt.Sprintf("a duration from %v to %v, such as 2s or 500ms", minStatementTime, maxStatementTime)
	case LimitWeight:
		return fmt.Sprintf("a whole number from 1 to %d, such as 2", maxWeight)
	}
	return "a size from 1 byte, such as 500MB, 10GB or 10GiB"
}

// Parse reads a value as Format writes it: a number, default for 0, or none for NoLimit. A weight can't be none. The
// error says which values are right.
func (l Limit) Parse(text string) (int64, error) {
	words := "; or default, or none"
	switch {
	case text == wordDefault:
		return 0, nil
	case l == LimitWeight:
		words = "; or default"
	case text == wordNone:
		return NoLimit, nil
	}
	var value int64
	var err error
	switch l {
	case LimitRequests:
		value, err = parseCount(strings.TrimSuffix(text, "/s"), maxRequests)
	case LimitConcurrency:
		value, err = parseCount(text, maxConcurrency)
	case LimitWeight:
		value, err = parseCount(text, maxWeight)
	case LimitStatementTime:
		value, err = parseStatementTime(text)
	default:
		value, err = ParseSize(text)
	}
	if err != nil || value <= 0 {
		return 0, errors.New("must be " + l.Want() + words)
	}
	return value, nil
}

// Format writes a value for Parse.
func (l Limit) Format(value int64) string {
	switch {
	case value == 0:
		return wordDefault
	case value < 0:
		return wordNone
	}
	switch l {
	case LimitRequests:
		return strconv.FormatInt(value, 10) + "/s"
	case LimitConcurrency, LimitWeight:
		return strconv.FormatInt(value, 10)
	case LimitStatementTime:
		return time.Duration(value).String()
	}
	return formatSize(value)
}

var errNoNumber = errors.New("no such number")

// parseCount reads a whole number of at most most, written as people write numbers.
func parseCount(text string, most int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > most || strconv.FormatInt(n, 10) != text {
		return 0, errNoNumber
	}
	return n, nil
}

func parseStatementTime(text string) (int64, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < minStatementTime || d > maxStatementTime {
		return 0, errNoNumber
	}
	return int64(d), nil
}

// sizeUnits are the units of sizes, with the largest first, those that Format prefers.
func sizeUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{
		{"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20},
		{"kB", 1e3}, {"KB", 1e3}, {"KiB", 1 << 10}, {"B", 1}, {"", 1},
	}
}

// ErrSize means that a text is not a size.
var ErrSize = errors.New("not a size such as 500MB, 10GB or 10GiB")

// ParseSize reads a number of bytes with a unit, such as 500MB or 10GiB, or without. Returns ErrSize if the text is
// none, or if the size is more than half of what an int64 holds.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKMGTiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || digits[0] == '+' {
		return 0, ErrSize
	}
	for _, unit := range sizeUnits() {
		if unit.name == text[len(digits):] && n <= math.MaxInt64/unit.bytes/2 {
			return n * unit.bytes, nil
		}
	}
	return 0, ErrSize
}

// formatSize writes a number of bytes exactly, in the largest unit of which it is a multiple.
func formatSize(n int64) string {
	for _, unit := range sizeUnits() {
		if n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
