package app

import "strings"

// hidden stands for a value that may hold a password.
const hidden = "(not shown: it may hold a password)"

// redact returns a value to show to people, or hidden if any part of it may be
// a password.
func redact(value string) string {
	if strings.ContainsAny(value, "@=?#%&;'\\ ") {
		return hidden
	}
	return value
}

// redactURL is a database's URL for people, without what follows its scheme
// where any of that may be a password.
func redactURL(value string) string {
	scheme, rest, ok := strings.Cut(value, ":")
	switch {
	case redact(scheme) == hidden:
		return hidden
	case !ok, value == "sqlite::memory:":
		return value
	case strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///"):
		return scheme + "://…"
	case redact(strings.ReplaceAll(rest, "%", "")) == hidden, strings.Contains(rest, ":"):
		return scheme + ":…"
	}
	return value
}
