package command

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"tenantry/app"
)

func TestLogFormatAndLevel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ format, level, prefix string }{
		{"", "info", `{"time":`}, // a buffer is no terminal
		{"json", "debug", `{"time":`},
		{"text", "info", "time="},
		{"text", "warn", ""},
	} {
		var out bytes.Buffer
		newLog(app.Config{LogFormat: test.format, LogLevel: test.level}, &out).Info("hello")
		if !strings.HasPrefix(out.String(), test.prefix) || (test.prefix == "") != (out.Len() == 0) {
			t.Errorf("%s at %s: %q", test.format, test.level, out.String())
		}
	}
}

// TestLoggedTextsAreBounded logs long texts of every kind, in both formats.
func TestLoggedTextsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 60_000)
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := newLog(app.Config{LogFormat: format, LogLevel: "info"}, &out)
		log.Info("request", "path", long, "method", long, "error", errors.New(long), "panic", fmt.Sprint(long), "n", 1,
			slog.Group("inner", "path", long), "url", &url.URL{Path: long})
		log.Info(long)
		log.With("tenant", long).Info("short")
		if out.Len() > 12*maxLogged {
			t.Errorf("%s: %d bytes", format, out.Len())
		}
		if !utf8.Valid(out.Bytes()) || !strings.Contains(out.String(), "bytes more") {
			t.Errorf("%s: %.200s", format, out.String())
		}
	}
}
