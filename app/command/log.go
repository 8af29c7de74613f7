package command

import (
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"

	"tenantry/app"
)

const (
	// maxLogged is the largest number of bytes of a text that the log keeps:
	// requests supply texts of their own, such as a path of 60 KB.
	maxLogged = 1 << 10
	// maxLoggedStack is the same limit for a stack.
	maxLoggedStack = 16 << 10
)

// newLog returns the process's log. It treats an invalid level as info; app.New
// refuses it later.
func newLog(c app.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: shortenLogged}
	if c.LogFormat == "text" || c.LogFormat == "" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// shortenLogged limits how much one request can write to the log.
func shortenLogged(_ []string, a slog.Attr) slog.Attr {
	limit := maxLogged
	if a.Key == "stack" {
		limit = maxLoggedStack
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if text := a.Value.String(); len(text) > limit {
			a.Value = slog.StringValue(shortenText(text, limit))
		}
	case slog.KindAny:
		switch value := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(shortenText(value.Error(), limit))
		case fmt.Stringer:
			a.Value = slog.StringValue(shortenText(value.String(), limit))
		}
	}
	return a
}

// shortenText cuts a text between two characters and adds how much is missing.
func shortenText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:cut], len(text)-cut)
}
