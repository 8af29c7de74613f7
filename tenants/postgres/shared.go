package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sharedDatabase is a database to which every role may connect.
type sharedDatabase struct {
	name string
	mine bool   // the provisioner may revoke that
	user string // the provisioner, if it connects to the database; else empty
}

// closeShared revokes everybody's right to connect to databases that are no tenant's. For those that the
// provisioner may not change, it logs what an administrator has to do. It is safe for concurrent use, also
// by several processes.
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
			log.InfoContext(ctx, "revoked the right of every role to connect to the database; grant CONNECT to roles that need it", "database", d.name)
		}
		return nil
	})
	if err == nil && len(foreign) > 0 {
		log.WarnContext(ctx, "tenants' roles can connect to databases that are not theirs; ask an administrator of the server to run the SQL",
			"sql", strings.Join(foreign, " "))
	}
	return err
}

// closing returns the SQL that revokes everybody's right to connect, but keeps it for the provisioner if
// it connects to the database.
func (d sharedDatabase) closing() string {
	name := pgx.Identifier{d.name}.Sanitize()
	revoke := "REVOKE CONNECT ON DATABASE " + name + " FROM PUBLIC;"
	if d.user == "" {
		return revoke
	}
	return "GRANT CONNECT ON DATABASE " + name + " TO " + pgx.Identifier{d.user}.Sanitize() + "; " + revoke
}

// findShared returns those of the named databases to which every role may connect.
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
