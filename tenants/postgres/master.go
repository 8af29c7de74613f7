package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"tenantry/models"
	"tenantry/tenants"
)

// MasterConfig says where the master database is.
type MasterConfig struct {
	// URL names the database, which is there already, and a user who may
	// create tables in it. It leads to the server itself, not to a pooler that
	// shares sessions.
	URL string
	// Schema is that of the master.
	Schema models.Schema
	// Log gets slow statements and lost connections; nil means slog.Default().
	Log *slog.Logger
}

// OpenMaster connects to the master database, closes it to the roles of tenants
// on the same server, and brings its schema up to date.
// A server that is down is ErrUnavailable; a master that a newer build has
// migrated is a *tenants.VersionError. The caller closes the master.
func OpenMaster(ctx context.Context, c MasterConfig) (*tenants.Master, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	server, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	base, err := tenants.OpenBase(newDialector(), c.Schema.Models, c.Log)
	if err != nil {
		return nil, err
	}
	db := openMasterPool(server)
	if err := prepareMaster(ctx, db, server.Database, c); err != nil {
		return nil, errors.Join(fmt.Errorf("master database %s: %w", server.Database, unavailable(err)), db.Close())
	}
	conns := &tenants.Conns{Write: db, Read: db}
	return tenants.NewMaster(tenants.MasterOptions{
		Base: base, Conns: conns, Watch: watcher{server, c.Log}.watch, Presence: presence{server},
	}), nil
}

// prepareMaster connects before it migrates, which would try again for a while,
// and closes the database to the tenants' roles.
func prepareMaster(ctx context.Context, db *sql.DB, name string, c MasterConfig) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	if err := closeShared(ctx, db, c.Log, name); err != nil {
		return err
	}
	return tenants.MigrateMaster(ctx, db, Dialect, c.Schema)
}

func openMasterPool(server *pgx.ConnConfig) *sql.DB {
	db := sql.OpenDB(connector{server: server, database: server.Database})
	db.SetMaxOpenConns(masterConns)
	db.SetMaxIdleConns(masterConns)
	db.SetConnMaxIdleTime(idleTime)
	return db
}
