package text_test

import (
	"strings"
	"testing"

	"tenantry/tenants/text"
)

func TestLine(t *testing.T) {
	t.Parallel()
	const control, blank = "must not hold control characters", text.IsBlank
	for s, want := range map[string]string{
		"Order chairs": "", " x ": "", "ü": "", "日本語": "", "👩\u200d🚀 Launch": "", "🏴\U000e0067\U000e0062\U000e007f": "",
		"می\u200cخواهم": "", "שלום\u200f!": "", "co\u00adoperate": "", "☃\ufe0f": "", "\U0001fae9": "", "का": "", "a\u0301": "",
		"": blank, " ": blank, "\u00a0\u3000": blank, "\u200b": blank, "\u200b\u200c\u200d\u2060\ufeff": blank, "\u00ad": blank, "\u3164": blank,
		"\u115f\u1160\uffa0": blank, "\u2800": blank, "\u180e": blank, "\u034f\u0301": blank, "\ufe0f": blank, "\U000e0041": blank, "\u200e\u200f": blank,
		"\u2028": blank, "\t\n": blank, "\u202e": blank, "\u2061": blank, "\ufff9": blank, "\U0001d173": blank, "\U0001d159": blank, "\U00013441\U00013442": blank, "\ufdd0": blank,
		"a\nb": control, "a\tb": control, "a\x00b": control, "a\x7fb": control, "a\u0085b": control, "a\u2028b": control, "a\u2029b": control,
		"a\u202eb": control, "a\u202ab": control, "a\u2066b\u2069": control, "x\r": control,
		"\xff": text.NotText, "a\xc0\x80": text.NotText, "\ufffd": text.NotText, "a\xed\xa0\x80": text.NotText,
		strings.Repeat("ü", 20): "", strings.Repeat("ü", 21): "must be at most 20 characters long",
	} {
		if got := text.Line(s, 20); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 2: "2 rows"} {
		if got := text.Count(n, "row"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "a\n\tb\r\nc": "", "a\u2028b": "", "a\u2066b\u2069": "", "👩\u200d🚀": "",
		"a\x00": "must not hold control characters", "\x1b[31m": "must not hold control characters", "\xff": text.NotText,
	} {
		if got := text.Lines(s, 20); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestStorable(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, "a\u200bü\n": true, "\x00": false, "a\x00": false, "\xff": false, "\xed\xa0\x80": false} {
		if got := text.Storable(s); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
}
