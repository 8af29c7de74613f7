package postgres

import (
	"context"
	"database/sql"
	"errors"
)

// Identity returns what Engine's Identity would return for a URL, and changes nothing on the server. Returns a *URLError, or
// ErrUnavailable if the server is down.
func Identity(ctx context.Context, url string) (identity string, err error) {
	server, err := parseURL(url)
	if err != nil {
		return "", err
	}
	admin := openAdmin(server)
	defer func() { err = errors.Join(err, admin.Close()) }()
	return identityOf(ctx, admin)
}

// asker is a *sql.DB or a *sql.Tx.
type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func identityOf(ctx context.Context, db asker) (identity string, err error) {
	err = db.QueryRowContext(ctx, `SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), oid)
		FROM pg_database WHERE datname = current_database()`).Scan(&identity)
	if err != nil {
		return "", unavailable(err)
	}
	return identity, nil
}
