package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// harm is a way to harm a tenant, as a superuser. {t} is its name, {group} the
// group's, {admin} the admin database's, {trash} the trash's.
type harm struct {
	shared   string // what is done in the admin database
	inside   string // and in the tenant's
	want     tenants.FaultKind
	detail   string
	mendable bool
	weaker   bool // only a superuser can mend it
}

func harms() map[string]harm {
	const permissions = tenants.FaultPermissions
	return map[string]harm{
		"open to everybody":   {"GRANT CONNECT ON DATABASE {t} TO PUBLIC", "", permissions, "grants permissions to PUBLIC", true, false},
		"temporary tables":    {"GRANT TEMP ON DATABASE {t} TO {t}", "", permissions, "grants permissions to t_", true, false},
		"open to another":     {"GRANT ALL ON DATABASE {t} TO pg_monitor", "", permissions, "grants permissions to pg_monitor", true, false},
		"closed":              {"ALTER DATABASE {t} ALLOW_CONNECTIONS false", "", permissions, "accepts no connections", true, false},
		"closed to the role":  {"REVOKE CONNECT ON DATABASE {t} FROM {t}", "", permissions, "may not connect", true, false},
		"owned by the tenant": {"ALTER DATABASE {t} OWNER TO {t}", "", permissions, "belongs to t_", true, false},
		"role of power":       {"ALTER ROLE {t} CREATEDB CREATEROLE", "", permissions, "has the attributes CREATEDB CREATEROLE", true, false},
		"superuser":           {"ALTER ROLE {t} SUPERUSER REPLICATION BYPASSRLS", "", permissions, "has the attributes SUPERUSER REPLICATION BYPASSRLS", true, true},
		"member of others":    {"GRANT pg_read_all_data TO {t}", "", permissions, "is a member of pg_read_all_data", true, false},
		"not in the group":    {"REVOKE {group} FROM {t}", "", permissions, "has no permissions", true, false},
		"no login":            {"ALTER ROLE {t} NOLOGIN", "", permissions, "may not log in", true, false},
		"other password":      {"ALTER ROLE {t} PASSWORD 'lost'", "", permissions, "refuses the password", true, false},
		"own settings":        {"ALTER ROLE {t} SET work_mem = '64kB'", "", permissions, "settings of its own: work_mem", true, false},
		"settings inside":     {"ALTER ROLE {t} IN DATABASE {t} SET enable_indexscan = off", "", permissions, "settings of its own: enable_indexscan", true, false},
		"few connections":     {"ALTER ROLE {t} CONNECTION LIMIT 1", "", permissions, "may have 1 connections", true, false},
		"no connections":      {"ALTER ROLE {t} CONNECTION LIMIT 0", "", permissions, "may have 0 connections", true, false},
		"short validity":      {"ALTER ROLE {t} VALID UNTIL 'tomorrow'", "", permissions, "password expires", true, false},
		"no schema":           {"", "REVOKE ALL ON SCHEMA public FROM {group}", permissions, "may not use schema public", true, false},
		"makes tables":        {"", "GRANT CREATE ON SCHEMA public TO {t}", permissions, "may make tables", true, false},
		"no right to rows":    {"", "REVOKE ALL ON people, notes FROM {group}", permissions, "may not use notes, people", true, false},
		"no right to numbers": {"", "REVOKE ALL ON SEQUENCE people_id_seq FROM {group}", permissions, "may not use people_id_seq", true, false},
		"writes versions":     {"", "GRANT UPDATE ON goose_db_version TO {t}", permissions, "may write goose_db_version", true, false},
		"no versions":         {"", "REVOKE ALL ON goose_db_version FROM {group}", permissions, "may not use goose_db_version", true, false},
		"own tables":          {"", "ALTER TABLE people OWNER TO {t}", permissions, "people are not the owner's", true, false},
		"no role":             {"DROP OWNED BY {t}; DROP ROLE {t}", "", tenants.FaultRole, "is missing", true, false},
		"renamed":             {"ALTER DATABASE {t} RENAME TO {trash}", "", tenants.FaultMisplaced, "is called trash_", true, false},
		"no database":         {"DROP DATABASE {t}", "", tenants.FaultMissing, "there is no database", false, false},
		"empty":               {"", "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO {group}", tenants.FaultIdentity, "no migration has run", false, false},
	}
}

const insertFolder = "INSERT INTO folders (name, remark, created_at, updated_at) VALUES ('kept', '', now(), now())"

// TestDamage has each way to harm a database or role, what is found of it, and
// whether it can be mended without losing data.
func TestDamage(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		for name, h := range harms() {
			t.Run(name, func(t *testing.T) {
				tenant := made(t, s.Engine)
				change(t, s.Engine, tenant, insertFolder)
				tenant.SchemaVersion = s.SchemaVersion()
				s.wantFault(t, tenant, harm{})
				s.harm(t, tenant, s.root.Database, h.shared)
				s.harm(t, tenant, tenant.Database, h.inside)
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
					db := handle(t, s.Engine, tenant)
					wantUsable(t, db)
					if err := db.Take(&notes.Folder{}, "name = 'kept'").Error; err != nil {
						t.Error(err)
					}
				default:
					s.wantFault(t, tenant, h)
				}
				s.harm(t, tenant, s.root.Database, "ALTER ROLE {t} NOSUPERUSER NOREPLICATION NOBYPASSRLS")
			})
		}
	})
}

// harm runs SQL as a superuser, if there is any.
func (s *own) harm(t *testing.T, tenant *tenants.Tenant, database, sql string) {
	t.Helper()
	if sql == "" {
		return
	}
	quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
	sql = strings.NewReplacer("{t}", quote(tenant.Database), "{r}", quote(s.layout.roleOf(tenant.Database)), "{group}", quote(s.group), "{trash}", quote(trashName(tenant.Database))).Replace(sql)
	if err := attempt(t, s.root, database, sql); err != nil && stateOf(err) != "42704" {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *own) wantFault(t *testing.T, tenant *tenants.Tenant, h harm) {
	t.Helper()
	faults, err := s.Examine(t.Context(), tenant)
	if err != nil {
		t.Error(err)
	}
	if h.want == "" && len(faults) == 0 {
		return
	}
	if len(faults) != 1 || faults[0].Kind != h.want || faults[0].Mendable != h.mendable || !strings.Contains(faults[0].Detail, h.detail) {
		t.Errorf("found %+v, want %s with %q, mendable %v", faults, h.want, h.detail, h.mendable)
	}
}

// TestDamageInTheTrash damages trashed databases so that other roles can connect.
func TestDamageInTheTrash(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		s.damageInTheTrash(t, filled(t, s.Engine), map[string]string{
			"ALTER ROLE {t} LOGIN":                          "the role may log in",
			"ALTER DATABASE {trash} ALLOW_CONNECTIONS true": "accepts connections",
			"GRANT CONNECT ON DATABASE {trash} TO PUBLIC":   "grants permissions to PUBLIC",
		}, "CREATE DATABASE %s")
	})
}

// damageInTheTrash trashes the tenant and damages it there with each statement, which is found with the detail and mended.
// What create makes under the tenant's name is found beside it.
func (s *own) damageInTheTrash(t *testing.T, tenant *tenants.Tenant, details map[string]string, create string) {
	t.Helper()
	if err := s.Trash(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	tenant.State, tenant.RemoveAfter, tenant.SchemaVersion = tenants.StatePurged, &later, s.SchemaVersion()
	for sql, detail := range details {
		s.wantFault(t, tenant, harm{})
		s.harm(t, tenant, s.root.Database, sql)
		s.wantFault(t, tenant, harm{want: tenants.FaultPermissions, detail: detail, mendable: true})
		if err := s.Mend(t.Context(), tenant); err != nil {
			t.Error(err)
		}
	}
	s.wantFault(t, tenant, harm{})
	if err := s.exec(t.Context(), create, tenant.Database); err != nil {
		t.Fatal(err)
	}
	s.wantFault(t, tenant, harm{want: tenants.FaultMisplaced, detail: "rename one of them"})
}

func TestExamineThatCantTell(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t)
	e := newEngine(t, configAt(t, server.URL()))
	tenant := made(t, e)
	taken := handle(t, e, tenant)
	wantUsable(t, taken)
	change(t, e, tenant, "ALTER DATABASE "+tenant.Database+" CONNECTION LIMIT 1")
	faults, err := e.Examine(t.Context(), tenant)
	if err != nil || len(faults) != 1 || !strings.Contains(faults[0].Detail, "no connections left") {
		t.Errorf("without a connection to spare: %v, %v", faults, err)
	}
	server.Stop()
	_, err = e.Examine(t.Context(), tenant)
	wantError(t, "of a server that is down", err, tenants.ErrUnavailable)
	wantError(t, "mend", e.Mend(t.Context(), tenant), tenants.ErrUnavailable)
	server.Start()
}
