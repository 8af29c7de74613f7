// Package text says what text may be: what is blank, what fits in one line, and
// what every engine stores alike. Everything that people type is held to it.
// What a rule allows is kept as it was typed.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is wrong with a text, in words that follow its name.
const (
	// NotText: no row can hold it.
	NotText = "must be valid Unicode text"
	// IsBlank: there is nothing to see.
	IsBlank = "must not be blank"
)

// Storable tells whether every engine can store the text: UTF-8 without NUL.
func Storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Line says what keeps a text from being one line of at most limit characters
// that isn't blank; it is empty for nothing. A line has no control characters
// and none that break it or turn the direction of what surrounds it.
func Line(s string, limit int) string {
	if Blank(s) && utf8.ValidString(s) {
		return IsBlank
	}
	return fault(s, limit, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || turns(r) })
}

// Lines is Line for text of any lines, which may be blank.
func Lines(s string, limit int) string {
	return fault(s, limit, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) })
}

// fault refuses U+FFFD too: encoding/json puts it in the place of broken bytes
// and lone surrogates, and so it can't be told from a broken text.
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

// Blank tells whether a text shows nothing: it is empty, or all of it is space
// or can't be seen.
func Blank(s string) bool { return !strings.ContainsFunc(s, visible) }

// visible tells whether a character can be seen by itself. Characters newer
// than Go's tables can.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsControl(r) &&
		!unicode.In(r, unicode.Z, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cs,
			unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point) &&
		!strings.ContainsRune(empty, r)
}

// empty are characters of other kinds that show nothing: an empty Braille cell, a
// null note head, and the blanks of hieroglyphs.
const empty = "\u2800\U0001d159\U00013441\U00013442"

// turns tells whether a character turns the direction of the text after it, up
// to its end or counterpart: the embeddings, overrides and isolates.
func turns(r rune) bool { return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' }
