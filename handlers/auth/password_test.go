package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, password, rule string }{
		{"12 bytes", "abcdefghijkl", ""},
		{"1024 bytes", strings.Repeat("x", 1024), ""},
		{"a sentence", "correct horse battery staple", ""},
		{"only spaces", strings.Repeat(" ", 12), ""},
		{"Greek", "κωδικός", ""},
		{"emoji", "🔑🔒🗝", ""},
		{"NUL and controls", "abc\x00def\n\t\x7fghi", ""},
		{"1024 bytes of Unicode", strings.Repeat("é", 512), ""},

		{"empty", "", "must be at least 12 bytes long"},
		{"11 bytes", "abcdefghijk", "must be at least 12 bytes long"},
		{"1025 bytes", strings.Repeat("x", 1025), "must be at most 1024 bytes long"},
		{"1025 bytes in fewer characters", strings.Repeat("é", 512) + "x", "must be at most 1024 bytes long"},
		{"no UTF-8", "abcdefghijkl\xff", "must be valid Unicode text"},
		{"half a character", "abcdefghijkl\xc3", "must be valid Unicode text"},
		{"a surrogate", "abcdefghijkl\xed\xa0\x80", "must be valid Unicode text"},
		{"what encoding/json makes of those", "abcdefghijkl\ufffd", "must be valid Unicode text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := CheckPassword(test.password)
			if test.rule == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			broken, ok := errors.AsType[*PasswordError](err)
			if !ok || broken.Rule != test.rule || err.Error() != "password "+test.rule {
				t.Errorf("error %v, want %q", err, test.rule)
			}
		})
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"one character or two", "caf\u00e9", "cafe\u0301", true},
		{"Hangul", "\ud55c", "\u1112\u1161\u11ab", true},
		{"the order of marks", "a\u0323\u0307", "a\u0307\u0323", true},
		{"superscript", "x²", "x2", false},
		{"ligature", "ﬁ", "fi", false},
		{"full width", "Ａ", "A", false},
		{"case", "A", "a", false},
		{"trailing space", "a ", "a", false},
		{"after NUL", "a\x00b", "a\x00c", false},
	}
	for _, test := range tests {
		if got := string(normal(test.a)) == string(normal(test.b)); got != test.same {
			t.Errorf("%s: %+q and %+q are the same: %v", test.name, test.a, test.b, got)
		}
	}
}
