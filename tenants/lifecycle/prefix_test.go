package lifecycle_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// TestTwoPrefixesOnOneServer has two installations in one admin database: only the
// prefix of their names separates them.
func TestTwoPrefixesOnOneServer(t *testing.T) {
	t.Parallel()
	one, other := prefixed(t, "crm"), prefixed(t, "shop")
	gone := purgedTenant(t, one, "acme", time.Hour)
	half := halfMade(t, one, "half", true)
	fine := other.Tenant(t, "acme")
	if found := examine(t, other, other.Keys, true); len(found) != 0 {
		t.Errorf("the other installation's doctor found %+v", found)
	}
	wantFound(t, examine(t, one, one.Keys, true), true, map[string]string{"half": lifecycle.OperationUnfinished})
	mine, theirs := seen(t, one), seen(t, other)
	if len(mine[gone.ID]) != 2 || len(mine[half.ID]) != 2 || len(mine) != 2 { // a database and a role each
		t.Errorf("one sees %+v", mine)
	}
	if len(theirs[fine.ID]) != 2 || len(theirs) != 1 {
		t.Errorf("the other sees %+v", theirs)
	}
	if _, err := one.Lifecycle.Restore(t.Context(), "ada", "acme"); err != nil {
		t.Fatal(err)
	}
	purgedNow(t, other, "acme")
	usable(t, one, "acme")
	usable(t, one, "half")
	if theirs := seen(t, other); len(theirs) != 0 {
		t.Errorf("after the purge the other sees %+v", theirs)
	}
}

// purgedNow purges a tenant without a grace period.
func purgedNow(t *testing.T, env *tenantstest.Env, subdomain string) {
	t.Helper()
	if _, err := env.Lifecycle.Archive(t.Context(), "ada", subdomain); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Lifecycle.Purge(t.Context(), "ada", subdomain, 0); err != nil {
		t.Fatal(err)
	}
}

// TestLeftoversOfAnotherPrefix has a template of older migrations in one of two
// installations. Only that one sees and discards it.
func TestLeftoversOfAnotherPrefix(t *testing.T) {
	t.Parallel()
	one, other := prefixed(t, "crm"), prefixed(t, "shop")
	older := notes.Schema()
	older.Migrations = map[string]fs.FS{"postgres": migrate.UpTo(older.Migrations["postgres"], 1)}
	one.Beside(t, tenantstest.Options{Schema: older}).Tenant(t, "old")
	one.Tenant(t, "new")
	other.Tenant(t, "acme")
	templates := seen(t, one)[""]
	if len(templates) != 1 || templates[0].Kind != tenants.ObjectTemplate || len(seen(t, other)[""]) != 0 {
		t.Fatalf("one has %+v, the other %+v", templates, seen(t, other)[""])
	}
	if err := discard(t, other, templates[0]); err == nil {
		t.Error("the other installation discarded it")
	}
	if again := seen(t, one)[""]; len(again) != 1 {
		t.Errorf("after that one sees %+v", again)
	}
	if err := discard(t, one, templates[0]); err != nil {
		t.Error(err)
	}
	if rest := seen(t, one)[""]; len(rest) != 0 {
		t.Errorf("after discarding it one sees %+v", rest)
	}
}

// discard waits for other tests that build templates on the server.
func discard(t *testing.T, env *tenantstest.Env, o tenants.Object) error {
	t.Helper()
	discarded := func() error { return env.Engine.Discard(t.Context(), o) }
	return wait.For(t, o.Name+" not to be in use", discarded, func(err error) bool { return !errors.Is(err, tenants.ErrInUse) })
}

// prefixed returns an installation on the tests' server and its admin database,
// whose names begin with a prefix of its own.
func prefixed(t *testing.T, word string) *tenantstest.Env {
	t.Helper()
	prefix := word + strings.ToLower(rand.Text()[:8])
	server, err := sql.Open("pgx", pgcluster.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer server.Close()
		statements := removals(t, server, prefix)
		if len(statements) < 3 { // a template and the group of the tenants' roles
			t.Errorf("of %s the server has only %q", prefix, statements)
		}
		for _, statement := range statements {
			if _, err := server.Exec(statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
	return tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, Prefix: prefix})
}

// removals are the statements that remove what begins with a prefix.
func removals(t *testing.T, server *sql.DB, prefix string) (statements []string) {
	t.Helper()
	rows, err := server.Query(`SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database WHERE starts_with(datname, $1)
		UNION ALL SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE starts_with(datname, $1)
		UNION ALL SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE starts_with(rolname, $1)`, prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, statement)
	}
	return statements
}

// seen returns the names of what an installation has made, by the tenant's id; those
// of templates are under "".
func seen(t *testing.T, env *tenantstest.Env) map[string][]tenants.Object {
	t.Helper()
	objects, err := env.Engine.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byTenant := map[string][]tenants.Object{}
	for _, o := range objects {
		byTenant[o.TenantID] = append(byTenant[o.TenantID], o)
	}
	return byTenant
}
