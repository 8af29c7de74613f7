package postgres

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// ErrOtherInstallation means that the schemas of another installation are in the database. Two would take each other's for
// left over, and each would remove the other's login role.
var ErrOtherInstallation = errors.New("the database belongs to another installation")

// claim notes in the database to which installation it belongs, unless that is noted already. The note is the comment on an
// empty schema, so that a copy of the database has it, too. Returns ErrOtherInstallation if the database is another's.
func (s *schemas) claim(ctx context.Context) error {
	if s.config.Installation == "" {
		return nil
	}
	words := map[string]string{"claim": s.config.Prefix + "_installation", "id": s.config.Installation}
	script := render(`DO $tenantry$ BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({claim text}, 0));
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {claim text}) THEN
			CREATE SCHEMA {claim};
			COMMENT ON SCHEMA {claim} IS {id text};
		END IF;
	END $tenantry$`, words)
	if err := retryRaced(ctx, func() error { return run(ctx, s.admin, script) }); err != nil {
		return err
	}
	owner, err := s.commentOf(ctx, words["claim"])
	if err != nil || owner == s.config.Installation {
		return err
	}
	return fmt.Errorf("%w: %w, %s: name another database; if that installation is gone for good, run in database %s: %s",
		tenants.ErrUnavailable, ErrOtherInstallation, owner, s.server.Database, render("DROP SCHEMA {claim};", words))
}
