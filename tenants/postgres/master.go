package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// MasterConfig configures the master database.
type MasterConfig struct {
	// URL names the database, which must exist, and a user who may create tables in it. It must lead to
	// the server itself, not to a pooler that shares sessions.
	URL string
	// Existing means that the master must exist: if not, OpenMaster returns ErrNoMaster.
	Existing bool
	// Log gets slow statements and lost connections. Defaults to slog.Default().
	Log *slog.Logger
}

// OpenMaster connects to the master database, revokes the access of tenants' roles on the same server,
// and brings its schema up to date. Returns ErrUnavailable if the server is down, and a
// *tenants.VersionError if a newer build has migrated the master. If it returns ErrNoMaster, it has
// changed nothing. The caller must close the master.
func OpenMaster(ctx context.Context, c MasterConfig) (*tenants.Master, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	server, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	base, err := tenants.OpenBase(newDialector(), tenants.MasterSchema().Models, c.Log)
	if err != nil {
		return nil, err
	}
	server.meet(ctx)
	db := openMasterPool(server)
	if err := prepareMaster(ctx, db, server.Database, c); err != nil {
		return nil, errors.Join(fmt.Errorf("master database %s: %w", server.Database, unavailable(err)), db.Close())
	}
	conns := &tenants.Conns{Write: db, Read: db}
	return tenants.NewMaster(tenants.MasterOptions{
		Base: base, Conns: conns, Watch: watcher{server: server, log: c.Log}.watch, Presence: presence{server}, Exporter: masterRows{db},
	}), nil
}

// prepareMaster revokes everybody's access to the database and migrates it. It pings first, because the
// migration would retry for a while if the server is down.
func prepareMaster(ctx context.Context, db *sql.DB, name string, c MasterConfig) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	if err := checkMaster(ctx, db); err != nil {
		return err
	}
	if c.Existing {
		if err := tenants.ExpectMaster(ctx, db, Dialect); err != nil {
			return err
		}
	}
	if err := closeShared(ctx, db, c.Log, name); err != nil {
		return err
	}
	return tenants.MigrateMaster(ctx, db, Dialect)
}

// errMasterElsewhere means that the database has a master in another schema. A new one would hide its
// tenants.
var errMasterElsewhere = errors.New("its master is in another schema, and Tenantry's tables belong in public")

// checkMaster refuses a database whose encoding isn't UTF-8, and one in which a new master would be made
// beside an existing one.
func checkMaster(ctx context.Context, db *sql.DB) error {
	var encoding string
	var here bool
	var elsewhere *string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_encoding'), to_regclass('public.goose_db_version') IS NOT NULL, min(n.nspname::text)
		FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_class v ON v.relnamespace = n.oid
		WHERE c.relname = 'tenants' AND v.relname = 'goose_db_version' AND n.nspname <> 'public'`).Scan(&encoding, &here, &elsewhere)
	switch {
	case err != nil:
		return err
	case encoding != "UTF8":
		return &URLError{"its database has the encoding " + encoding + " instead of UTF-8; make one with: createdb --template=template0 --encoding=UTF8 --locale=C NAME"}
	case !here && elsewhere != nil:
		schema := pgx.Identifier{*elsewhere}.Sanitize()
		return fmt.Errorf("%w; move its tables, sequences and functions there from schema %s, or name another database", errMasterElsewhere, schema)
	}
	return nil
}

func openMasterPool(server *server) *sql.DB {
	db := sql.OpenDB(connector{server: server, database: server.Database})
	db.SetMaxOpenConns(masterConns)
	db.SetMaxIdleConns(masterConns)
	db.SetConnMaxIdleTime(idleTime)
	return db
}
