package postgres

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// schemaHarms are the harms of a tenant in a schema. All are done in the shared database.
func schemaHarms() map[string]harm {
	const permissions = tenants.FaultPermissions
	return map[string]harm{
		"open to everybody":   {"GRANT USAGE ON SCHEMA {t} TO PUBLIC", "", permissions, "grants permissions to PUBLIC", true, false},
		"open to another":     {"GRANT ALL ON SCHEMA {t} TO pg_monitor", "", permissions, "grants permissions to pg_monitor", true, false},
		"open to neighbours":  {"GRANT USAGE ON SCHEMA {t} TO {group}", "", permissions, "grants permissions to tenantry_app_", true, false},
		"to be passed on":     {"GRANT USAGE ON SCHEMA {t} TO {r} WITH GRANT OPTION", "", permissions, "grants permissions to t_", true, false},
		"closed to the role":  {"REVOKE USAGE ON SCHEMA {t} FROM {r}", "", permissions, "may not connect", true, false},
		"owned by the tenant": {"ALTER SCHEMA {t} OWNER TO {r}", "", permissions, "belongs to t_", true, false},
		"role of power":       {"ALTER ROLE {r} CREATEDB CREATEROLE", "", permissions, "has the attributes CREATEDB CREATEROLE", true, false},
		"superuser":           {"ALTER ROLE {r} SUPERUSER REPLICATION BYPASSRLS", "", permissions, "has the attributes SUPERUSER REPLICATION BYPASSRLS", true, true},
		"login":               {"ALTER ROLE {r} LOGIN PASSWORD 'stolen'", "", permissions, "has the attributes LOGIN", true, false},
		"member of others":    {"GRANT pg_read_all_data TO {r}", "", permissions, "is a member of pg_read_all_data", true, false},
		"member of the group": {"REVOKE {r} FROM {group}; GRANT {group} TO {r}", "", permissions, "is a member of tenantry_app_", true, false},
		"not to be become":    {"REVOKE {r} FROM {group}", "", permissions, "may not become the role", true, false},
		"makes tables":        {"GRANT CREATE ON SCHEMA {t} TO {r}", "", permissions, "may make tables", true, false},
		"no right to rows":    {"REVOKE ALL ON {t}.people, {t}.notes FROM {r}", "", permissions, "may not use notes, people", true, false},
		"no right to numbers": {"REVOKE ALL ON SEQUENCE {t}.people_id_seq FROM {r}", "", permissions, "may not use people_id_seq", true, false},
		"writes versions":     {"GRANT UPDATE ON {t}.goose_db_version TO {r}", "", permissions, "may write goose_db_version", true, false},
		"no versions":         {"REVOKE ALL ON {t}.goose_db_version FROM {r}", "", permissions, "may not use goose_db_version", true, false},
		"own tables":          {"ALTER TABLE {t}.people OWNER TO {r}", "", permissions, "people are not the owner's", true, false},
		"no role":             {"DROP OWNED BY {r}; DROP ROLE {r}", "", tenants.FaultRole, "is missing", true, false},
		"renamed":             {"ALTER SCHEMA {t} RENAME TO {trash}", "", tenants.FaultMisplaced, "is called trash_", true, false},
		"no schema":           {"DROP SCHEMA {t} CASCADE", "", tenants.FaultMissing, "there is no database", false, false},
		"empty":               {"DROP TABLE {t}.goose_db_version", "", tenants.FaultIdentity, "no migration has run", false, false},
	}
}

// eachSchemaProvisioner runs f as a parallel subtest with each kind of provisioner, after a superuser has closed what an
// ordinary one can't. The superuser, who may do more, has a turn only if TENANTRY_TEST_LONG is set.
func eachSchemaProvisioner(t *testing.T, f func(t *testing.T, s *own)) {
	t.Helper()
	for name, provisioner := range provisioners() {
		if name == "superuser" && os.Getenv("TENANTRY_TEST_LONG") == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := pgcluster.New(t)
			c := inSchemas(t, provisioner(t, cluster))
			s := &own{cluster: cluster, root: parsed(t, cluster.URL())}
			s.root.Database = parsed(t, c.URL).Database
			if refused, err := New(t.Context(), c); err == nil {
				_ = refused.Close()
			} else if _, statements, ok := strings.Cut(err.Error(), "run in it: "); !ok || attempt(t, s.root, s.root.Database, statements) != nil {
				t.Fatal(err)
			}
			s.Engine = newEngine(t, c)
			f(t, s)
		})
	}
}

// TestDamageOfSchemas has each way to harm a schema or its role, what is found of it, and whether it can be mended without
// losing data. A neighbour is sound all the while.
func TestDamageOfSchemas(t *testing.T) {
	t.Parallel()
	eachSchemaProvisioner(t, func(t *testing.T, s *own) {
		neighbour := made(t, s.Engine)
		neighbour.SchemaVersion = s.SchemaVersion()
		for name, h := range schemaHarms() {
			t.Run(name, func(t *testing.T) {
				tenant := made(t, s.Engine)
				s.inScope(t, tenant, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "kept"}).Error })
				tenant.SchemaVersion = s.SchemaVersion()
				s.wantFault(t, tenant, harm{})
				s.harm(t, tenant, s.root.Database, h.shared)
				s.wantFault(t, tenant, h)
				err := errors.Join(s.Mend(t.Context(), tenant), s.Mend(t.Context(), tenant))
				switch {
				case h.weaker && s.server.User != s.root.User:
					wantError(t, "mend", err, errPowers)
					s.wantFault(t, tenant, h)
				case h.mendable:
					if err != nil {
						t.Error(err)
					}
					s.wantFault(t, tenant, harm{})
					s.inScope(t, tenant, func(tx *gorm.DB) error {
						wantUsable(t, tx)
						return tx.Take(&notes.Folder{}, "name = 'kept'").Error
					})
				default:
					s.wantFault(t, tenant, h)
				}
				s.wantFault(t, neighbour, harm{})
				s.harm(t, tenant, s.root.Database, "ALTER ROLE {r} NOSUPERUSER NOREPLICATION NOBYPASSRLS")
			})
		}
	})
}

// inScope runs f in a transaction of the tenant.
func (s *own) inScope(t *testing.T, tenant *tenants.Tenant, f func(tx *gorm.DB) error) {
	t.Helper()
	if err := handle(t, s.Engine, tenant).Transaction(f); err != nil {
		t.Error(err)
	}
}

// TestDamageOfSchemasInTheTrash damages trashed schemas so that roles can use them.
func TestDamageOfSchemasInTheTrash(t *testing.T) {
	t.Parallel()
	e := newEngine(t, inSchemas(t, pgcluster.Database(t)))
	s := &own{Engine: e, root: e.server}
	tenant := made(t, e)
	s.inScope(t, tenant, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "kept"}).Error })
	s.damageInTheTrash(t, tenant, map[string]string{
		"GRANT {r} TO {group}":                    "the role may log in",
		"GRANT USAGE ON SCHEMA {trash} TO {r}":    "accepts connections",
		"GRANT USAGE ON SCHEMA {trash} TO PUBLIC": "grants permissions to PUBLIC",
	}, "CREATE SCHEMA %s")
	if err := s.exec(t.Context(), "DROP SCHEMA %s", tenant.Database); err != nil {
		t.Fatal(err)
	}
	if err := s.Untrash(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	s.inScope(t, tenant, func(tx *gorm.DB) error { return tx.Take(&notes.Folder{}, "name = 'kept'").Error })
}
