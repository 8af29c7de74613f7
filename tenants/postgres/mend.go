package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"

	"github.com/jackc/pgx/v5"
)

// Mend gives the database and the role the rights that Create gives, makes the
// role where it is missing, and finishes a Trash or Untrash that was broken off.
// It ends nobody's session.
func (e *Engine) Mend(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil || !keepsData(t) {
		return nil
	}
	s, err := e.siteOf(ctx, name, t.State == tenants.StatePurged)
	if err == nil && s.here != s.there {
		err = e.mend(ctx, t, s)
	}
	if err != nil {
		return fmt.Errorf("mend database %s: %w", name, asProvisioner(err))
	}
	return nil
}

func (e *Engine) mend(ctx context.Context, t *tenants.Tenant, s *site) error {
	if s.there {
		if err := e.move(ctx, t, s); err != nil {
			return err
		}
		moved, err := e.siteOf(ctx, t.Database, s.trashed)
		if err != nil {
			return err
		}
		s = moved
	}
	if err := e.weaken(ctx, t.Database, s); err != nil {
		return err
	}
	if err := e.own(ctx, t.Database, s); err != nil {
		return err
	}
	if s.trashed {
		return e.exec(ctx, "ALTER DATABASE %s WITH ALLOW_CONNECTIONS false", s.name)
	}
	verifier, err := e.verifier(t)
	if err != nil {
		return err
	}
	if err := e.admit(ctx, s.name, verifier); err != nil {
		return err
	}
	return e.mendInside(ctx, s.name)
}

// move gives the database the name that it should have. The role is let in later.
func (e *Engine) move(ctx context.Context, t *tenants.Tenant, s *site) error {
	if s.trashed {
		return e.Trash(ctx, t)
	}
	return e.rename(ctx, s.other, s.name)
}

// errPowers: only a superuser can take them away.
var errPowers = errors.New("have a superuser run the SQL")

// weaken takes from the role what no tenant's may have.
func (e *Engine) weaken(ctx context.Context, role string, s *site) error {
	quoted := pgx.Identifier{role}.Sanitize()
	for _, other := range s.memberships {
		if err := e.exec(ctx, "REVOKE %s FROM %s", other, role); err != nil {
			return err
		}
	}
	if s.powers == "" {
		return nil
	}
	statement := "ALTER ROLE " + quoted + " NO" + strings.ReplaceAll(s.powers, " ", " NO")
	err := run(ctx, e.admin, statement)
	if stateOf(err) == codeForbidden {
		return fmt.Errorf("%w: %s;", errPowers, statement)
	}
	return err
}

// own makes the database the provisioner's, and takes from all others but the
// role their rights to it.
func (e *Engine) own(ctx context.Context, role string, s *site) error {
	if err := e.joinRole(ctx, role); err != nil {
		return err
	}
	if s.owner != "" {
		if err := e.exec(ctx, "ALTER DATABASE %s OWNER TO CURRENT_USER", s.name); err != nil {
			return err
		}
	}
	for _, stranger := range s.strangers {
		statement, names := "REVOKE ALL ON DATABASE %s FROM %s CASCADE", []string{s.name, stranger}
		if stranger == "PUBLIC" {
			statement, names = "REVOKE ALL ON DATABASE %s FROM PUBLIC CASCADE", names[:1]
		}
		if err := e.exec(ctx, statement, names...); err != nil {
			return err
		}
	}
	if s.trashed && s.login {
		return e.exec(ctx, "ALTER ROLE %s NOLOGIN", role)
	}
	return nil
}

// mendInside makes the provisioner the owner of all tables, and gives the group
// its rights to them. The role has them from the group alone.
func (e *Engine) mendInside(ctx context.Context, name string) (err error) {
	db, err := e.connect(ctx, name, e.server, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	own := `DO $tenantry$ DECLARE object regclass; BEGIN
		PERFORM pg_catalog.set_config('lock_timeout', '3s', true);
		FOR object IN SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace
			AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_get_userbyid(relowner) <> current_user
		LOOP
			EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO CURRENT_USER', object);
		END LOOP;
	END $tenantry$`
	if err := run(ctx, db, own); err != nil {
		return err
	}
	if err := grantRights(ctx, db, e.group); err != nil {
		return err
	}
	strip := render(`REVOKE CREATE ON SCHEMA public FROM {group}; REVOKE ALL ON SCHEMA public FROM {name};
		REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name}`,
		map[string]string{"group": e.group, "name": name})
	return retryRaced(ctx, func() error { return run(ctx, db, strip) })
}
