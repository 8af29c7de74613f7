package app

import (
	"bytes"
	"strings"
	"testing"
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
		newLog(Config{LogFormat: test.format, LogLevel: test.level}, &out).Info("hello")
		if !strings.HasPrefix(out.String(), test.prefix) || (test.prefix == "") != (out.Len() == 0) {
			t.Errorf("%s at %s: %q", test.format, test.level, out.String())
		}
	}
}
