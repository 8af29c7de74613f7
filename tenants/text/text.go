// Package text defines which texts are valid: which are blank, which fit on one line, and which every
// engine stores alike. All text that people type is checked by it. Valid text is stored as typed.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Faults of a text. They read as the end of a sentence that begins with the field's name.
const (
	// NotText means that no database row can hold the text.
	NotText = "must be valid Unicode text"
	// IsBlank means that nothing of the text is visible.
	IsBlank = "must not be blank"
)

// Count is a number of things whose plural ends in s: "1 tenant", "2 tenants".
func Count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Storable reports whether every engine can store the text: it is UTF-8 without NUL.
func Storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Line returns why a text is not one line of at most limit characters that isn't blank, or "" if it is.
// A line has no control characters, no line breaks, and no characters that change the direction of the
// text around it.
func Line(s string, limit int) string {
	if Blank(s) && utf8.ValidString(s) {
		return IsBlank
	}
	return fault(s, limit, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || changesDirection(r)
	})
}

// Lines is like Line for text that may have several lines and may be blank.
func Lines(s string, limit int) string {
	return fault(s, limit, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
}

// fault also refuses U+FFFD: encoding/json replaces broken bytes and lone surrogates with it, so a text
// that contains it may be broken.
func fault(s string, limit int, forbidden func(rune) bool) string {
	switch {
	case strings.ContainsRune(s, utf8.RuneError):
		return NotText
	case strings.ContainsFunc(s, forbidden):
		return "must not hold control characters"
	case utf8.RuneCountInString(s) > limit:
		return fmt.Sprintf("must be at most %d characters long", limit)
	}
	return ""
}

// Blank reports whether a text shows nothing: it is empty, or consists of space and invisible
// characters.
func Blank(s string) bool { return !strings.ContainsFunc(s, visible) }

// visible reports whether a character is visible by itself. Characters newer than Go's tables count as
// visible.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsControl(r) &&
		!unicode.In(r, unicode.Z, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cs,
			unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point) &&
		!strings.ContainsRune(empty, r)
}

// empty are characters of other categories that show nothing: an empty Braille cell, a null note head,
// and the blanks of hieroglyphs.
const empty = "\u2800\U0001d159\U00013441\U00013442"

// changesDirection reports whether a character changes the direction of the text after it, up to the text's end or
// the matching character: the embeddings, overrides and isolates.
func changesDirection(r rune) bool {
	return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// Cut returns a text of at most limit characters: s, or its beginning with an ellipsis.
func Cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:max(0, limit-1)]) + "…"
}
