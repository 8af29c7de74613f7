package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tenantry/handlers/auth"
	"tenantry/tenants/text"
)

// rule says what is wrong with a value, in words that follow the field's name,
// or nothing. A nil rule takes every value.
type rule[T any] func(value T) (fault string)

// line is text in one line, not blank, of at most limit characters.
func line(limit int) rule[string] { return func(s string) string { return text.Line(s, limit) } }

// prose is text of any lines, of at most limit characters.
func prose(limit int) rule[string] { return func(s string) string { return text.Lines(s, limit) } }

// emailAddress is an address that an account can have.
func emailAddress(s string) string {
	var bad *auth.EmailError
	if errors.As(auth.CheckEmail(s), &bad) {
		return bad.Rule
	}
	return ""
}

// between is a number from least to most.
func between(least, most int64) rule[int64] {
	return func(n int64) string {
		if n < least || n > most {
			return fmt.Sprintf("must be from %d to %d", least, most)
		}
		return ""
	}
}

// newPassword is a password that somebody may choose.
func newPassword(s string) string {
	var bad *auth.PasswordError
	if errors.As(auth.CheckPassword(s), &bad) {
		return bad.Rule
	}
	return ""
}

// oneOf is one of the values.
func oneOf[T ~string](values ...T) rule[T] {
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
