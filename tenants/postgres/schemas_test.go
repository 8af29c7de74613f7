package postgres

import (
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// inSchemas returns a configuration for tenants in schemas of the database that a URL names.
func inSchemas(t testing.TB, url string) Config {
	c := configAt(t, url)
	c.Placement, c.MaxConns = tenants.PlacementSchema, 8
	return c
}

// TestOrdinaryProvisionerOfSchemas can't close what only a superuser may, and says what that one must run. Then it does all
// that it has to do for tenants.
func TestOrdinaryProvisionerOfSchemas(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	c := inSchemas(t, ordinary(t, cluster))
	_, err := New(t.Context(), c)
	if gap := new(tenants.GapError); !errors.As(err, &gap) || !errors.Is(err, tenants.ErrUnavailable) {
		t.Fatalf("with open doors: %v", err)
	}
	_, statements, _ := strings.Cut(err.Error(), "run in it: ")
	root := parsed(t, cluster.URL())
	if err := attempt(t, root, "tenantry", statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	e := newEngine(t, c)
	tenant := made(t, e)
	use := func() {
		t.Helper()
		conns, err := e.Open(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		err = over(e, conns).Transaction(func(tx *gorm.DB) error {
			folder := notes.Folder{Name: "mine"}
			return errors.Join(tx.Create(&folder).Error, tx.Delete(&folder).Error)
		})
		if err := errors.Join(err, conns.Close()); err != nil {
			t.Error(err)
		}
	}
	use()
	for _, step := range []func() error{
		func() error { return e.Trash(t.Context(), tenant) },
		func() error { return e.Untrash(t.Context(), tenant) },
		func() error { return e.Mend(t.Context(), tenant) },
		func() error { _, err := e.Migrate(t.Context(), tenant); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	use()
	// A role under another name belongs to no tenant. An engine that begins takes it from the group, but it can't take a
	// superuser's rights.
	for sql, refused := range map[string]bool{
		"ALTER ROLE {role} RENAME TO stray": false, "ALTER ROLE {group} SUPERUSER": true, "ALTER ROLE {group} NOSUPERUSER": false,
	} {
		sql = render(sql, map[string]string{"role": e.layout.roleOf(tenant.Database), "group": e.group})
		if err := attempt(t, root, "tenantry", sql); err != nil {
			t.Fatal(err)
		}
		other, err := New(t.Context(), c)
		if gap := new(tenants.GapError); errors.As(err, &gap) != refused || err != nil != refused {
			t.Errorf("%s: an engine that begins: %v", sql, err)
		}
		if err == nil {
			err = other.Close()
			if err != nil {
				t.Error(err)
			}
		}
	}
	if err := e.Mend(t.Context(), tenant); err != nil {
		t.Error(err)
	}
	use()
	tenant.SchemaVersion = e.SchemaVersion()
	if faults, err := e.Examine(t.Context(), tenant); err != nil || len(faults) > 0 {
		t.Errorf("found %v, %v", faults, err)
	}
}

// TestLoginRolesFollowTheKeys changes the installation's keys as an operator does: processes with the old ones go on, and
// what none has any more is dropped.
func TestLoginRolesFollowTheKeys(t *testing.T) {
	t.Parallel()
	c := inSchemas(t, pgcluster.Database(t))
	oldest, newest := seal.GenerateKey(), seal.GenerateKey()
	with := func(keys ...string) *Engine {
		ring, err := seal.ParseKeys(strings.Join(keys, ","))
		if err != nil {
			t.Fatal(err)
		}
		c.Keys = ring
		return newEngine(t, c)
	}
	before := with(oldest)
	tenant := made(t, before)
	use := func(e *Engine) {
		t.Helper()
		var role string
		err := handle(t, e, tenant).Transaction(func(tx *gorm.DB) error { return tx.Raw("SELECT session_user::text").Scan(&role).Error })
		if err != nil || role != e.layout.(*schemas).direct.User {
			t.Errorf("signed in as %q, %v", role, err)
		}
	}
	during := with(newest, oldest)
	use(before)
	use(during)
	after := with(newest)
	use(after)
	logins := ask(t, after, "SELECT coalesce(string_agg(rolname, ' '), '') FROM pg_roles WHERE starts_with(rolname, $1)", after.layout.(*schemas).loginPrefix())
	if logins != after.layout.(*schemas).direct.User {
		t.Errorf("the login roles are %s", logins)
	}
	// A verifier of another password is replaced. The right verifier stays, because a pooler may have a copy.
	verifier := func() string { return ask(t, after, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", logins) }
	kept := verifier()
	with(newest)
	if verifier() != kept {
		t.Error("the password was set again")
	}
	if err := after.exec(t.Context(), "ALTER ROLE %s PASSWORD 'another'", logins); err != nil {
		t.Fatal(err)
	}
	use(with(newest))
}

// TestSchemasOfItsOwnTypes has statements whose parameters have types of the schema, which have another number in each.
func TestSchemasOfItsOwnTypes(t *testing.T) {
	t.Parallel()
	c := inSchemas(t, pgcluster.Database(t))
	c.MaxConns = 1 // the neighbours use one connection
	c.Schema.Migrations = map[string]fs.FS{Dialect: fstest.MapFS{"00001_moods.sql": {Data: []byte(`-- +goose Up
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE moods (mood mood);
-- +goose Down
DROP TABLE moods;
DROP TYPE mood;
`)}}}
	e := newEngine(t, c)
	pair := []*tenants.Tenant{made(t, e), made(t, e)}
	dbs := []*gorm.DB{handle(t, e, pair[0]), handle(t, e, pair[1])}
	for i := range 6 {
		err := dbs[i%2].Transaction(func(tx *gorm.DB) error {
			var got []string
			err := tx.Exec("INSERT INTO moods VALUES (?)", "happy").Error
			if err == nil {
				err = tx.Raw("SELECT mood::text FROM moods WHERE mood = ?", "happy").Scan(&got).Error
			}
			if err == nil && len(got) != i/2+1 {
				t.Errorf("%d rows the %dth time", len(got), i)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheRoleIsComparedBeforeCommit changes the role past the checks of statements, as a function of the application's could.
func TestTheRoleIsComparedBeforeCommit(t *testing.T) {
	t.Parallel()
	e := newEngine(t, inSchemas(t, pgcluster.Database(t)))
	tenant, neighbour := made(t, e), made(t, e)
	db := sql.OpenDB(e.layout.at(e.server, tenant.Database))
	_, err := db.ExecContext(t.Context(), `CREATE FUNCTION turn(role text) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN EXECUTE format('SET LOCAL ROLE %I', role); END $$; GRANT EXECUTE ON FUNCTION turn TO `+e.layout.roleOf(tenant.Database))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	err = handle(t, e, tenant).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&notes.Folder{Name: "mine"}).Error; err != nil {
			return err
		}
		return tx.Exec("SELECT turn(?)", e.layout.roleOf(neighbour.Database)).Error
	})
	if !errors.Is(err, tenants.ErrForbiddenStatement) {
		t.Errorf("committed with another role: %v", err)
	}
	err = handle(t, e, tenant).Transaction(func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&notes.Folder{}).Count(&n).Error; err != nil || n != 0 {
			t.Errorf("%d folders are stored", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
