package request

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tenantry/handlers/auth"
	"tenantry/tenants/text"
)

// rule returns what is wrong with a value, in words that follow the field's name, or
// "". A nil rule accepts every value.
type rule[T any] func(value T) (fault string)

// Line accepts text in one line, not blank, of at most limit characters.
func Line(limit int) rule[string] { return func(s string) string { return text.Line(s, limit) } }

// Prose accepts text of any number of lines, of at most limit characters.
func Prose(limit int) rule[string] { return func(s string) string { return text.Lines(s, limit) } }

// EmailAddress accepts addresses that an account can have.
func EmailAddress(s string) string {
	var bad *auth.EmailError
	if errors.As(auth.CheckEmail(s), &bad) {
		return bad.Rule
	}
	return ""
}

// Between accepts numbers from least to most.
func Between(least, most int64) rule[int64] {
	return func(n int64) string {
		if n < least || n > most {
			return fmt.Sprintf("must be from %d to %d", least, most)
		}
		return ""
	}
}

// OneOf accepts the values.
func OneOf[T ~string](values ...T) rule[T] {
	return func(value T) string {
		if slices.Contains(values, value) {
			return ""
		}
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = string(v)
		}
		last := len(words) - 1
		return "must be " + strings.Join(words[:last], ", ") + " or " + words[last]
	}
}

// notText is the fault of text that is not storable.
const notText = text.NotText

// storable reports whether every engine can store the text.
func storable(s string) bool { return text.Storable(s) }

// isText is like storable, for text that came as JSON: encoding/json replaces broken
// bytes and lone surrogates by U+FFFD.
func isText(s string) bool { return storable(s) && !strings.ContainsRune(s, utf8.RuneError) }
