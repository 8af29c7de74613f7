package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sharedDatabase is one to which every role may connect.
type sharedDatabase struct {
	name string
	mine bool   // the provisioner may close it
	user string // the provisioner, where it needs the database; else empty
}

// closeShared takes from everybody the right to connect to databases that are
// no tenant's. For those that the provisioner may not close it logs what an
// administrator has to do. It may be run by many at once.
func closeShared(ctx context.Context, db *sql.DB, log *slog.Logger, names ...string) error {
	var foreign []string
	err := retryRaced(ctx, func() error {
		open, err := findShared(ctx, db, names)
		if err != nil {
			return err
		}
		foreign = nil
		for _, d := range open {
			if !d.mine {
				foreign = append(foreign, d.closing())
				continue
			}
			if err := run(ctx, db, d.closing()); err != nil {
				return err
			}
			log.InfoContext(ctx, "database was open to every role of the server; roles that need it have to be granted CONNECT", "database", d.name)
		}
		return nil
	})
	if err == nil && len(foreign) > 0 {
		log.WarnContext(ctx, "tenants' roles can connect to databases that are not theirs; have an administrator of the server run the SQL",
			"sql", strings.Join(foreign, " "))
	}
	return err
}

// closing is the SQL that closes the database to all but its owner, and the
// provisioner where it connects to it.
func (d sharedDatabase) closing() string {
	name := pgx.Identifier{d.name}.Sanitize()
	revoke := "REVOKE CONNECT ON DATABASE " + name + " FROM PUBLIC;"
	if d.user == "" {
		return revoke
	}
	return "GRANT CONNECT ON DATABASE " + name + " TO " + pgx.Identifier{d.user}.Sanitize() + "; " + revoke
}

// findShared is those of the databases to which every role may connect.
func findShared(ctx context.Context, db *sql.DB, names []string) ([]sharedDatabase, error) {
	rows, err := db.QueryContext(ctx, `SELECT datname, pg_has_role(datdba, 'USAGE'),
		CASE WHEN datname = current_database() THEN current_user ELSE '' END FROM pg_database
		WHERE datname = ANY($1) AND EXISTS (
			SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'CONNECT')
		ORDER BY datname`, names)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []sharedDatabase
	for rows.Next() {
		var d sharedDatabase
		if err := rows.Scan(&d.name, &d.mine, &d.user); err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, rows.Err()
}
