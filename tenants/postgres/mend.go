package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"

	"github.com/jackc/pgx/v5"
)

// Mend gives the database and the role the permissions that Create gives, makes the role if it is missing,
// and completes an interrupted Trash or Untrash. It ends no sessions.
func (e *Engine) Mend(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil || t.IsRemoved() {
		return nil
	}
	s, err := e.locate(ctx, name, t.State == tenants.StatePurged)
	if err == nil && s.atName != s.atOther {
		err = e.mend(ctx, t, s)
	}
	if err != nil {
		return fmt.Errorf("mend database %s: %w", name, asProvisioner(err))
	}
	return nil
}

func (e *Engine) mend(ctx context.Context, t *tenants.Tenant, s *location) error {
	if s.atOther {
		if err := e.move(ctx, t, s); err != nil {
			return err
		}
		moved, err := e.locate(ctx, t.Database, s.trashed)
		if err != nil {
			return err
		}
		s = moved
	}
	if err := e.revokePowers(ctx, t.Database, s); err != nil {
		return err
	}
	if err := e.takeOwnership(ctx, t.Database, s); err != nil {
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

// move gives the database its right name. The role gets access later.
func (e *Engine) move(ctx context.Context, t *tenants.Tenant, s *location) error {
	if s.trashed {
		return e.Trash(ctx, t)
	}
	return e.rename(ctx, s.other, s.name)
}

// errPowers means that only a superuser can revoke the role's attributes.
var errPowers = errors.New("run this SQL as a superuser")

// revokePowers revokes attributes and memberships that no tenant's role may have.
func (e *Engine) revokePowers(ctx context.Context, role string, s *location) error {
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

// takeOwnership makes the provisioner the owner of the database, and revokes the permissions of everybody except the
// role.
func (e *Engine) takeOwnership(ctx context.Context, role string, s *location) error {
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

// mendInside makes the provisioner the owner of all tables, and grants the group its permissions. The role
// has permissions only through the group.
func (e *Engine) mendInside(ctx context.Context, name string) (err error) {
	db, err := e.connect(ctx, name, e.server, chores, 1)
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
