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
	s, err := e.layout.locate(ctx, name, t.State == tenants.StatePurged)
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
		moved, err := e.layout.locate(ctx, t.Database, s.trashed)
		if err != nil {
			return err
		}
		s = moved
	}
	if err := e.revokePowers(ctx, e.layout.roleOf(t.Database), s); err != nil {
		return err
	}
	if err := e.takeOwnership(ctx, e.layout.roleOf(t.Database), s); err != nil {
		return err
	}
	if s.trashed {
		return e.layout.shut(ctx, e.layout.roleOf(t.Database), s.name)
	}
	if err := e.layout.admit(ctx, t); err != nil {
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
		if err := e.layout.own(ctx, s.name); err != nil {
			return err
		}
	}
	for _, stranger := range s.strangers {
		if err := e.layout.strip(ctx, s.name, stranger); err != nil {
			return err
		}
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
		FOR object IN SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace
			AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_get_userbyid(relowner) <> current_user
		LOOP
			EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO CURRENT_USER', object);
		END LOOP;
	END $tenantry$`
	if err := run(ctx, db, own); err != nil {
		return err
	}
	in := e.layout.at(e.server, name).schema()
	if err := grantRights(ctx, db, in, e.layout.holder(name)); err != nil {
		return err
	}
	strip := e.layout.stripInside(e.layout.roleOf(name), in)
	return retryRaced(ctx, func() error { return run(ctx, db, strip) })
}
