package portable

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestParseUsualTime changes times at random: what is parsed is what time.Parse makes of it, and the usual forms are.
func TestParseUsualTime(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	forms := []string{"2026-02-28", "2024-02-29", "2026-11-27 07:58:01+00:00", "0001-01-01 00:00:00.5+00:00", "9999-12-31 23:59:59.999999+00:00", "2026-11-27 07:58:01.123456789+00:00"}
	for _, form := range forms {
		if _, ok := parseUsualTime([]byte(form)); !ok {
			t.Errorf("%q is not parsed", form)
		}
	}
	parse := func(text string) (time.Time, bool) {
		for _, format := range timeFormats {
			if at, err := time.Parse(format, text); err == nil {
				return at, true
			}
		}
		return time.Time{}, false
	}
	for range 200_000 {
		text := []byte(forms[random.IntN(len(forms))])
		for range random.IntN(3) {
			const letters = "0123456789-:. +TZ"
			text[random.IntN(len(text))] = letters[random.IntN(len(letters))]
		}
		text = text[:len(text)-random.IntN(2)*random.IntN(len(text))]
		got, ok := parseUsualTime(text)
		if want, valid := parse(string(text)); ok && (!valid || !got.Equal(want)) {
			t.Fatalf("%q is %v, want %v, %v", text, got, want, valid)
		}
	}
}
