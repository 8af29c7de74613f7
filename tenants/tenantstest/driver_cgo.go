//go:build cgo

package tenantstest

import "net/url"

// sqliteDriver is mattn's, which gorm's dialector brings along.
const sqliteDriver = "sqlite3"

func sqliteDSN(path string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "_foreign_keys=1&_synchronous=OFF"}).String()
}
