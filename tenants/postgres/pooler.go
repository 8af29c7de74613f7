package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"tenantry/tenants"
)

// PoolerURL returns the URL of a pooler, which may be written as HOST:PORT/DATABASE. Returns a *URLError if it has a user or
// a password, which are the login role's, or is no URL of a pooler.
func PoolerURL(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "postgres://" + text
	}
	address, err := url.Parse(text)
	if err != nil {
		return "", &URLError{"it isn't like HOST:PORT/DATABASE"}
	}
	if address.User != nil {
		return "", &URLError{"it names a user; the login role of the server's tenants is used, with a password that Tenantry derives"}
	}
	options := address.Query()
	for _, option := range []string{"user", "password", "passfile", "service", "servicefile", "sslpassword"} {
		if options.Has(option) {
			return "", &URLError{"it may not set " + option}
		}
	}
	if strings.Trim(address.Path, "/") == "" {
		return "", &URLError{"it names no database, as PgBouncer calls it; write HOST:PORT/DATABASE"}
	}
	return text, CheckURL(text)
}

// TryPooler begins and ends a transaction over the pooler, if there is one. Returns ErrUnavailable, with what to do, unless
// it leads to the engine's database.
func (e *Engine) TryPooler(ctx context.Context) error {
	s, ok := e.layout.(*schemas)
	if !ok || e.config.Pooler == "" {
		return nil
	}
	want, err := e.Identity(ctx)
	if err != nil {
		return err
	}
	switch got, err := s.identityOverPooler(ctx); {
	case err != nil:
		return fmt.Errorf(`%w: role %s can't use the pooler: %w; if the pooler doesn't know the role, PgBouncer's auth_file needs what a superuser gets by: SELECT format('"%%s" "%%s"', rolname, rolpassword) FROM pg_authid WHERE rolname = '%[2]s'`,
			tenants.ErrUnavailable, s.logins.User, err)
	case got != want:
		return fmt.Errorf("%w: the pooler leads to another database than %s", tenants.ErrUnavailable, s.server.Database)
	}
	return nil
}

func (s *schemas) identityOverPooler(ctx context.Context) (identity string, err error) {
	db := sql.OpenDB(connector{server: s.logins, database: s.logins.Database, scoped: true})
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return "", err
	}
	defer tx.Rollback() // there is nothing to commit
	return identityOf(ctx, tx)
}
