package app

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
)

// hidden stands for a value that may hold a password.
const hidden = "(not shown: it may hold a password)"

// redact is a database's URL for people: without password and options, and
// hidden altogether where it can't be told what is the password.
func redact(value string) string {
	u, err := url.Parse(value)
	if err != nil || strings.Contains(u.Opaque, "@") || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") || u.Fragment != "" {
		return hidden
	}
	if u.Host == "" && strings.Contains(strings.ToLower(value), "pass") {
		return hidden
	}
	u.RawQuery, u.ForceQuery = "", false
	return u.Redacted()
}

// redactAll is a message in which arguments are quoted, without what may be a
// password.
func redactAll(text string) string {
	if strings.Contains(text, "@") || strings.Contains(strings.ToLower(text), "password=") {
		return "wrong arguments " + hidden
	}
	return text
}

// checkPostgresURL checks a Postgres URL as far as it goes without the driver.
func checkPostgresURL(value string) error {
	const want = "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password percent-encoded"
	u, err := url.Parse(value)
	if err != nil || u.Opaque != "" || !strings.Contains(value, "://") || redact(value) == hidden {
		return &SettingError{"database-url", redact(value), want}
	}
	if strings.Trim(u.Path, "/") == "" {
		return &SettingError{"database-url", redact(value), want}
	}
	return nil
}

// serverOf names a Postgres server for people: its host, port and database.
func serverOf(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		return hidden
	}
	host := cmp.Or(u.Host, u.Query().Get("host"), "the local socket")
	return fmt.Sprintf("%s, database %s", host, strings.TrimPrefix(u.Path, "/"))
}
