package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tenantry/handlers/auth"
)

// rule says what is wrong with a value, in words that follow the field's name,
// or nothing. A nil rule takes every value.
type rule[T any] func(value T) (fault string)

// line is text in one line, not blank, of at most limit characters.
func line(limit int) rule[string] {
	return func(s string) string {
		if strings.TrimSpace(s) == "" {
			return "must not be blank"
		}
		return textFault(s, limit, unicode.IsControl)
	}
}

// prose is text of any lines, of at most limit characters.
func prose(limit int) rule[string] {
	return func(s string) string {
		return textFault(s, limit, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
	}
}

// textFault refuses what no engine stores alike: NUL and bytes that are no
// UTF-8. encoding/json puts U+FFFD in the place of such bytes and of lone
// surrogates, so that it can't be told from a broken text and is refused too.
func textFault(s string, limit int, forbidden func(rune) bool) string {
	switch {
	case strings.ContainsRune(s, utf8.RuneError):
		return "must be valid Unicode text"
	case strings.ContainsFunc(s, forbidden):
		return "must not hold control characters"
	case utf8.RuneCountInString(s) > limit:
		return fmt.Sprintf("must be at most %d characters long", limit)
	}
	return ""
}

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
