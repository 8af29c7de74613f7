package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestRefusalsAreLoggedTogether holds the bounds of an address and of all, and
// that each refused request is told of.
func TestRefusalsAreLoggedTogether(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newRefusals(slog.New(slog.NewJSONHandler(&log, nil)))
	now, lines := time.Now(), 0
	ask := func(from string, n int) {
		for range n {
			if r.admit(from, now) {
				lines++
			}
		}
	}
	ask("192.0.2.1", 500)
	if lines != refusalsPerAddress {
		t.Errorf("an address has %d lines", lines)
	}
	for i := range 300 {
		ask(fmt.Sprint(i), 2)
	}
	if lines != refusalsTogether {
		t.Errorf("all have %d lines", lines)
	}
	r.tell()
	if want := fmt.Sprintf(`"requests":%d`, 500+600-refusalsTogether); !strings.Contains(log.String(), want) {
		t.Errorf("%s, want %s", log.String(), want)
	}
	if now = now.Add(time.Second); !r.admit("192.0.2.1", now) {
		t.Error("the next window has no line")
	}
}
