//go:build !cgo

package tenantstest

import (
	"net/url"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

const sqliteDriver = "sqlite"

// sqliteDSN asks for times as mattn's driver keeps them: modernc's own default
// is a text that SQLite can't read, in whatever zone the time had.
func sqliteDSN(path string) string {
	query := "_pragma=foreign_keys(1)&_pragma=synchronous(0)&_time_format=sqlite&_timezone=UTC"
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query}).String()
}
