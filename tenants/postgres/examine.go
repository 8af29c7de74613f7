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

// keepsData tells whether there should be a database, be it in the trash.
func keepsData(t *tenants.Tenant) bool { return t.State != tenants.StatePurged || t.RemoveAfter != nil }

// Examine asks the server about the database and the role, and then the
// database itself, connected as the role is when it serves. Nobody can connect
// to one in the trash.
func (e *Engine) Examine(ctx context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	if !keepsData(t) {
		return nil, nil
	}
	name, err := databaseName(t)
	if err != nil {
		return []tenants.Fault{tenants.FaultMissing.Found("%q is no name of a tenant's database", t.Database)}, nil
	}
	s, err := e.siteOf(ctx, name, t.State == tenants.StatePurged)
	if err != nil {
		return nil, fmt.Errorf("examine database %s: %w", name, unavailable(err))
	}
	faults := s.faults()
	if s.trashed || !s.serves {
		return faults, nil
	}
	login, err := e.login(t)
	if err != nil {
		return faults, nil // whoever keeps the secrets tells of this one
	}
	inside, err := e.examineInside(ctx, connector{server: login, database: name}, t.SchemaVersion)
	switch {
	case err == nil:
		return append(faults, inside...), nil
	case stateOf(err) != codeNoConnections:
		return nil, fmt.Errorf("examine database %s: %w", name, err)
	case len(faults) == 0:
		faults = append(faults, tenants.FaultPermissions.Found("the server gives the role no more connections: end what holds them (see pg_stat_activity), or raise max_connections"))
	}
	// The server answers: what one role can't have hides no other tenant.
	return faults, nil
}

// insideQuery is what the role that asks can't do though it should, and can do
// though it should not, apart from what one does who may do everything.
const insideQuery = `SELECT
	EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = 'goose_db_version'),
	coalesce((SELECT string_agg(text, '; ') FROM (
		SELECT 'the role may not use schema public' AS text WHERE NOT has_schema_privilege('public', 'USAGE')
		UNION ALL
		SELECT 'the role may make tables' WHERE has_schema_privilege('public', 'CREATE') AND NOT rolsuper
		UNION ALL
		SELECT 'the role may not use ' || string_agg(relname, ', ' ORDER BY relname) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND CASE WHEN relkind IN ('r', 'p', 'v', 'm', 'f')
			THEN NOT has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')
			WHEN relkind = 'S' AND relname <> 'goose_db_version_id_seq' THEN NOT has_sequence_privilege(oid, 'USAGE') END
		HAVING count(*) > 0
		UNION ALL
		SELECT 'the role may write goose_db_version' FROM pg_class WHERE relnamespace = 'public'::regnamespace
		AND relname = 'goose_db_version' AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE') AND NOT rolsuper
		UNION ALL
		SELECT string_agg(relname, ', ' ORDER BY relname) || ' are not the owner''s of the database' FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relowner <> datdba
		HAVING count(*) > 0
	) AS wrong), '')
	FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user`

// lookInside tells whether migrations have made the database, and what is wrong
// with what the role finds in it.
func lookInside(ctx context.Context, db *sql.DB) (migrated bool, wrong string, err error) {
	err = db.QueryRowContext(ctx, insideQuery).Scan(&migrated, &wrong)
	return migrated, wrong, err
}

// examineInside looks at what a tenant's role finds in the tenant's database.
func (e *Engine) examineInside(ctx context.Context, as connector, version int64) (faults []tenants.Fault, err error) {
	db := e.budget.openPool(as, 1)
	defer func() { err = errors.Join(err, db.Close()) }()
	migrated, wrong, err := lookInside(ctx, db)
	if err != nil {
		return refused(ctx, err)
	}
	if !migrated {
		return []tenants.Fault{tenants.FaultIdentity.Found("no migrations have made the database")}, nil
	}
	if wrong != "" {
		faults = append(faults, tenants.FaultPermissions.Mendable("%s", wrong))
	}
	got, err := migrate.Version(ctx, db, Dialect, e.config.Schema.Migrations[Dialect])
	if stateOf(err) != "" && len(faults) > 0 { // the role may not read it, as was told
		return faults, nil
	}
	if err != nil {
		return refused(ctx, err)
	}
	if got != version {
		fault := tenants.FaultVersion.Found("the database has version %d, and the master says %d", got, version)
		fault.Version = got
		faults = append(faults, fault)
	}
	return faults, nil
}

// refused tells a database that can't be used from one that can't be used now.
func refused(ctx context.Context, err error) ([]tenants.Fault, error) {
	var answer *pgconn.PgError
	var fault tenants.Fault
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case !errors.As(err, &answer), passes(answer.Code):
		return nil, unavailable(err)
	case answer.Code == codeWrongPassword:
		fault = tenants.FaultPermissions.Mendable("the server refuses the password that the master has")
	case answer.Code == codeForbidden:
		fault = tenants.FaultPermissions.Mendable("the role may not read the database")
	case answer.Code == codeNoEntry:
		fault = tenants.FaultPermissions.Found("the server lets the role in from elsewhere or nowhere: see its pg_hba.conf")
	default:
		fault = tenants.FaultUnreadable.Found("the server can't read it (SQLSTATE %s)", answer.Code)
	}
	return []tenants.Fault{fault}, nil
}

// passes tells whether what a server refuses with that SQLSTATE it may not
// refuse later: connections, resources and locks run out, servers stop and start.
func passes(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", "53", "57", "40", "55":
		return true
	}
	return code == codeUnknownDatabase
}
