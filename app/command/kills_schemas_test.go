package command

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/tenantstest/pgcluster"
)

// killInSchemas has tenants in schemas of one database, and the same server's databases as what they move to and from.
func killInSchemas(t *testing.T) *killer {
	t.Helper()
	url := pgcluster.New(t).URL()
	for _, statement := range []string{"ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE small"} { // it is never stopped
		execute(t, url, statement)
	}
	at := func(database string) string { return strings.Replace(url, "/postgres?", "/"+database+"?", 1) }
	k := newKiller(t, newSQLite(t), &killer{home: "small", schemas: at("small"), other: url})
	k.refused = at("template1")
	return k
}

// schemasAndRoles are the schemas of a database and the roles of schemas, without what is the same in all their names.
func schemasAndRoles(t *testing.T, url string) things {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), `SELECT 'schema ' || nspname FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_')
		UNION ALL SELECT 'role ' || substr(rolname, 1, 28) FROM pg_roles WHERE rolname ~ '^t_[0-9a-z]{26}_[0-9a-f]{8}$'`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// sourceOf returns the URL of a database to adopt, for an administrator: the bystander's, or that of a tenant elsewhere if
// the bystander has none.
func (k *killer) sourceOf(t *testing.T) string {
	t.Helper()
	if k.schemas == "" {
		return k.site.sourceOf(t, "bystander")
	}
	return strings.Replace(k.other, "/postgres?", "/"+k.find(t, "resident").Database+"?", 1)
}
