package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tenantry/tenants/postgres"
)

// readDatabase reads the master's path or URL.
func (c Config) readDatabase(s *settings) (err error) {
	scheme, rest, _ := strings.Cut(c.DatabaseURL, ":")
	switch scheme {
	case "sqlite":
		s.masterPath, err = c.sqlitePath(rest)
		return err
	case "postgres", "postgresql":
		s.postgresURL = c.DatabaseURL
		return postgresURLError(c.DatabaseURL, postgres.CheckURL(c.DatabaseURL))
	}
	return &SettingError{"database-url", redactURL(c.DatabaseURL), "sqlite:PATH or " + wantPostgresURL}
}

const wantPostgresURL = "postgres://USER:PASSWORD@HOST:PORT/DATABASE"

// postgresURLError makes a *postgres.URLError a *SettingError, and leaves other
// errors alone.
func postgresURLError(url string, err error) error {
	var bad *postgres.URLError
	if !errors.As(err, &bad) {
		return err
	}
	return &SettingError{"database-url", redactURL(url), wantPostgresURL + ", but " + bad.Reason}
}

func (c Config) sqlitePath(path string) (string, error) {
	if path == "" || strings.ContainsAny(path, "?#%\x00") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, ":") || strings.HasSuffix(path, "/") || isCredential(path) {
		return "", &SettingError{"database-url", redactURL(c.DatabaseURL), "sqlite: and the path of a file, without options, such as sqlite:master.db"}
	}
	if filepath.IsAbs(path) {
		path = filepath.Clean(path)
		return path, checkLength("database-url", c.DatabaseURL, path)
	}
	path = filepath.Join(c.DataDir, path)
	return path, checkLength("data-dir", c.DataDir, path)
}

// longestFolder bounds the path of the master's folder, in bytes. SQLite opens
// files up to 511, and the longest below the folder are half-made ones of
// tenants with what lies beside them.
const longestFolder = 430

// checkLength refuses a master that is too far down for SQLite.
func checkLength(flag, value, master string) error {
	folder, err := filepath.Abs(filepath.Dir(master))
	if err != nil {
		return &SettingError{flag, value, "a path that can be made absolute"}
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if len(folder) > longestFolder {
		return &SettingError{flag, value, fmt.Sprintf("a folder whose whole path has at most %d bytes, since SQLite opens no longer ones", longestFolder)}
	}
	return nil
}

// isCredential reports whether a path looks like USER:PASSWORD@HOST, which is
// hardly a file's name.
func isCredential(path string) bool {
	before, _, ok := strings.Cut(path, "@")
	return ok && strings.Contains(before, ":")
}
