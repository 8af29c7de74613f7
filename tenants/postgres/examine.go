package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Examine queries the server about the database and the role, then connects to the database as the role.
// Nobody can connect to a database in the trash, so it skips that for one.
func (e *Engine) Examine(ctx context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	if t.IsRemoved() {
		return nil, nil
	}
	name, err := databaseName(t)
	if err != nil {
		return []tenants.Fault{tenants.FaultMissing.Found("%q is not the name of a tenant's database", t.Database)}, nil
	}
	s, err := e.layout.locate(ctx, name, t.State == tenants.StatePurged)
	if err != nil {
		return nil, fmt.Errorf("examine database %s: %w", name, unavailable(err))
	}
	faults := s.faults()
	if s.trashed || !s.serves {
		return faults, nil
	}
	login, err := e.layout.login(t)
	if err != nil {
		return faults, nil // the doctor reports secrets that can't be opened
	}
	inside, err := e.examineInside(ctx, e.layout.at(login, name), t.SchemaVersion)
	switch {
	case err == nil:
		return append(faults, inside...), nil
	case stateOf(err) != codeNoConnections:
		return nil, fmt.Errorf("examine database %s: %w", name, err)
	case len(faults) == 0:
		faults = append(faults, tenants.FaultPermissions.Found("the role has no connections left: end sessions that hold them (see pg_stat_activity), or raise max_connections"))
	}
	// The server works: one role's lack of connections must not hide the faults of other tenants.
	return faults, nil
}

// insideQuery returns whether migrations have run, and what is wrong with the permissions of the role that
// asks: what it can't do though it should, and what it can do though it should not. A superuser's extra
// rights don't count.
const insideQuery = `SELECT
	EXISTS (SELECT FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relname = 'goose_db_version'),
	coalesce((SELECT string_agg(text, '; ') FROM (
		SELECT 'the role may not use schema ' || $1 AS text WHERE NOT has_schema_privilege($1, 'USAGE')
		UNION ALL
		SELECT 'the role may make tables' WHERE has_schema_privilege($1, 'CREATE') AND NOT rolsuper
		UNION ALL
		SELECT 'the role may not use ' || string_agg(relname, ', ' ORDER BY relname) FROM pg_class
		WHERE relnamespace = $1::text::regnamespace AND CASE WHEN relkind IN ('r', 'p', 'v', 'm', 'f')
			THEN NOT has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')
			WHEN relkind = 'S' AND relname <> 'goose_db_version_id_seq' THEN NOT has_sequence_privilege(oid, 'USAGE') END
		HAVING count(*) > 0
		UNION ALL
		SELECT 'the role may write goose_db_version' FROM pg_class WHERE relnamespace = $1::text::regnamespace
		AND relname = 'goose_db_version' AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE') AND NOT rolsuper
		UNION ALL
		SELECT string_agg(relname, ', ' ORDER BY relname) || ' are not the owner''s of the database' FROM pg_class
		WHERE relnamespace = $1::text::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relowner <> datdba
		HAVING count(*) > 0
	) AS wrong), '')
	FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`

// queryInside returns whether migrations have made the database, and what is wrong with the role's
// permissions in it.
func queryInside(ctx context.Context, db *sql.DB, schema string) (migrated bool, wrong string, err error) {
	err = db.QueryRowContext(ctx, insideQuery, schema).Scan(&migrated, &wrong)
	return migrated, wrong, err
}

// examineInside checks the tenant's database from the inside, as the tenant's role.
func (e *Engine) examineInside(ctx context.Context, as connector, version int64) (faults []tenants.Fault, err error) {
	db := e.budget.openPool(as, chores, 1).db
	defer func() { err = errors.Join(err, db.Close()) }()
	migrated, wrong, err := queryInside(ctx, db, as.schema())
	if err != nil {
		return refused(ctx, err)
	}
	if !migrated {
		return []tenants.Fault{tenants.FaultIdentity.Found("no migration has run in the database")}, nil
	}
	if wrong != "" {
		faults = append(faults, tenants.FaultPermissions.Mendable("%s", wrong))
	}
	invalid, err := migrate.InvalidIndexes(ctx, db)
	if err != nil {
		return refused(ctx, err)
	}
	for _, index := range invalid {
		faults = append(faults, tenants.FaultIndex.Found("index %s is invalid, because CREATE INDEX CONCURRENTLY failed", index))
	}
	got, err := migrate.Version(ctx, db, Dialect, e.config.Schema.Migrations[Dialect])
	if stateOf(err) != "" && len(faults) > 0 { // the role may not read the version, which faults says already
		return faults, nil
	}
	if err != nil {
		return refused(ctx, err)
	}
	switch {
	case got != version:
		fault := tenants.FaultVersion.Found("the database has version %d, and the master says %d", got, version)
		fault.Version = got
		return append(faults, fault), nil
	case got == e.version && len(faults) == 0:
		return e.examineSchema(ctx, db)
	}
	return faults, nil
}

// refused returns a fault for a database that can't be used, or an error if that may pass.
func refused(ctx context.Context, err error) ([]tenants.Fault, error) {
	var answer *pgconn.PgError
	var fault tenants.Fault
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case !errors.As(err, &answer), passes(answer.Code):
		return nil, unavailable(err)
	case answer.Code == codeWrongPassword:
		fault = tenants.FaultPermissions.Mendable("the server refuses the password in the master")
	case answer.Code == codeForbidden:
		fault = tenants.FaultPermissions.Mendable("the role may not read the database")
	case answer.Code == codeNoEntry:
		fault = tenants.FaultPermissions.Found("the server's pg_hba.conf doesn't let the role connect from here: add an entry for it")
	default:
		fault = tenants.FaultUnreadable.Found("the server can't read the database (SQLSTATE %s)", answer.Code)
	}
	return []tenants.Fault{fault}, nil
}

// passes reports whether the server may accept later what it refuses now with this SQLSTATE: connections,
// resources and locks become free, servers restart.
func passes(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", "53", "57", "40", "55":
		return true
	}
	return code == codeUnknownDatabase
}
