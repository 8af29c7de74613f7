package postgres

import (
	"context"
	"errors"
	"net"

	"github.com/jackc/pgx/v5"
)

// errURL tells nothing of the URL, any part of which may be a password that
// was not escaped.
var errURL = errors.New("the Postgres URL is not valid; it must be like postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %-escapes in the password where it holds any of :/?#[]@%")

// parseURL reads a URL. What a URL leaves out comes from libpq's environment
// variables.
func parseURL(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errURL // not wrapped: pgx' error holds the URL
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "tenantry"
	}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lingering{conn}, nil
	}
	return config, nil
}
