package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"tenantry/tenants"
)

// site is where a tenant's database should be and where it is, and what the
// server says of it and of the tenant's role.
type site struct {
	name, other string   // its name where it should be, and the one that it should not have
	trashed     bool     // name is one in the trash
	here, there bool     // whether there are databases of those names
	open        bool     // one may connect to it
	owner       string   // of the database, where that is not the provisioner
	strangers   []string // who else than owner and role may connect, and more
	role        bool     // it is there
	login       bool     // it may log in
	connects    bool     // it may connect to the database
	powers      string   // what it may do though no tenant's may
	planted     []string // settings that new sessions of the role would begin with
	lapses      bool     // the role's password will be, or is, no longer valid
	limit       int      // of the role's connections
	wantLimit   int      // what that should be
	memberships []string // roles of which it is a member, but for the group
	grouped     bool     // it is a member of the group
	serves      bool     // one can find out more as the role
}

// siteQuery asks for a site of the database $1 or $2, of the role $3 and the
// group $4.
const siteQuery = `WITH database AS (
		SELECT * FROM pg_database WHERE datname = $1
	), role AS (
		SELECT * FROM pg_roles WHERE rolname = $3
	), acl AS (
		SELECT a.*, coalesce(g.rolname, 'PUBLIC') AS name, coalesce(g.rolname = $3, false) AS own FROM database
		CROSS JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a LEFT JOIN pg_roles g ON g.oid = grantee
		WHERE grantee <> datdba
	), member AS (
		SELECT g.rolname AS name FROM pg_auth_members m JOIN role ON role.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
	)
	SELECT EXISTS (SELECT FROM database), EXISTS (SELECT FROM pg_database WHERE datname = $2),
		coalesce((SELECT datallowconn FROM database), false),
		coalesce((SELECT pg_get_userbyid(datdba)::text FROM database WHERE pg_get_userbyid(datdba) <> current_user), ''),
		ARRAY(SELECT DISTINCT name::text FROM acl WHERE NOT own OR privilege_type <> 'CONNECT' OR is_grantable ORDER BY 1),
		EXISTS (SELECT FROM role), EXISTS (SELECT FROM role WHERE rolcanlogin),
		EXISTS (SELECT FROM acl WHERE own AND privilege_type = 'CONNECT'),
		coalesce((SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
			CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) FROM role), ''),
		ARRAY(SELECT DISTINCT split_part(setting, '=', 1) FROM pg_db_role_setting JOIN role ON role.oid = setrole, unnest(setconfig) AS setting ORDER BY 1),
		EXISTS (SELECT FROM role WHERE rolvaliduntil < 'infinity'), coalesce((SELECT rolconnlimit FROM role), 0),
		ARRAY(SELECT name::text FROM member WHERE name <> $4 ORDER BY 1), EXISTS (SELECT FROM member WHERE name = $4)`

func (e *Engine) siteOf(ctx context.Context, name string, trashed bool) (*site, error) {
	s := &site{name: name, other: trashName(name), trashed: trashed, wantLimit: e.roleLimit()}
	if trashed {
		s.name, s.other = s.other, s.name
	}
	arrays := pgtype.NewMap()
	err := e.admin.QueryRowContext(ctx, siteQuery, s.name, s.other, name, e.group).Scan(
		&s.here, &s.there, &s.open, &s.owner, arrays.SQLScanner(&s.strangers), &s.role, &s.login, &s.connects, &s.powers,
		arrays.SQLScanner(&s.planted), &s.lapses, &s.limit, arrays.SQLScanner(&s.memberships), &s.grouped)
	s.serves = s.here && !s.there && s.open && s.login && s.connects && s.grouped
	return s, err
}

// faults is what is wrong with what the server says.
func (s *site) faults() []tenants.Fault {
	switch {
	case s.here && s.there:
		return []tenants.Fault{
			tenants.FaultMisplaced.Found("there are databases %s and %s; one of the two must be renamed", s.name, s.other),
		}
	case s.there:
		return []tenants.Fault{tenants.FaultMisplaced.Mendable("the database is called %s and should be %s", s.other, s.name)}
	case !s.here:
		return []tenants.Fault{tenants.FaultMissing.Found("there is no database %s, nor %s", s.name, s.other)}
	}
	var faults []tenants.Fault
	if !s.trashed && !s.role {
		faults = append(faults, tenants.FaultRole.Mendable("the role %s is not there", s.name))
	}
	if wrong := append(s.wrongAccess(), s.wrongRole()...); len(wrong) > 0 {
		faults = append(faults, tenants.FaultPermissions.Mendable("%s", strings.Join(wrong, "; ")))
	}
	return faults
}

// wrongAccess is what is wrong with who may use the database.
func (s *site) wrongAccess() (wrong []string) {
	if s.owner != "" {
		wrong = append(wrong, "the database belongs to "+s.owner)
	}
	if len(s.strangers) > 0 {
		wrong = append(wrong, "the database gives rights to "+strings.Join(s.strangers, ", "))
	}
	switch {
	case s.trashed && s.open:
		wrong = append(wrong, "one can connect to the database, which is in the trash")
	case !s.trashed && !s.open:
		wrong = append(wrong, "nobody can connect to the database")
	case !s.trashed && s.role && !s.connects:
		wrong = append(wrong, "the role may not connect to the database")
	}
	return wrong
}

// wrongRole is what is wrong with the tenant's role, if it is there.
func (s *site) wrongRole() (wrong []string) {
	if !s.role {
		return nil
	}
	if s.powers != "" {
		wrong = append(wrong, "the role has "+s.powers)
	}
	if len(s.planted) > 0 {
		wrong = append(wrong, "the role has settings of its own: "+strings.Join(s.planted, ", "))
	}
	if s.lapses {
		wrong = append(wrong, "the role's password is valid for a time only")
	}
	if s.limit != s.wantLimit && !s.trashed {
		wrong = append(wrong, fmt.Sprintf("the role may have %d connections and should have %d", s.limit, s.wantLimit))
	}
	if len(s.memberships) > 0 {
		wrong = append(wrong, "the role is a member of "+strings.Join(s.memberships, ", "))
	}
	switch {
	case s.trashed && s.login:
		wrong = append(wrong, "the role may log in though its database is in the trash")
	case !s.trashed && !s.login:
		wrong = append(wrong, "the role may not log in")
	case !s.trashed && !s.grouped:
		wrong = append(wrong, "the role has no rights to what is in the database")
	}
	return wrong
}
