package postgres

import (
	"fmt"
	"strings"

	"tenantry/tenants"
)

// location describes where a tenant's database should be and where it is, and what the server says about it and
// about the tenant's role.
type location struct {
	roleName        string   // of the tenant
	name, other     string   // the name that it should have, and the one that it should not have
	trashed         bool     // name is a name in the trash
	atName, atOther bool     // whether databases called name and other exist
	open            bool     // the database accepts connections
	owner           string   // the database's owner if that is not the provisioner
	strangers       []string // who has permissions on the database besides the owner and the role
	role            bool     // the role exists
	login           bool     // the role may log in
	connects        bool     // the role may connect to the database
	powers          string   // attributes of the role that no tenant's role may have
	planted         []string // settings that new sessions of the role would begin with
	lapses          bool     // the role's password has an expiry time
	limit           int      // the role's connection limit
	wantLimit       int      // what that should be
	memberships     []string // roles of which the role is a member, except the group
	grouped         bool     // the role is a member of the group
	serves          bool     // Examine can connect to the database as the role
	shared          bool     // the tenant has a schema of a database that it shares; a database is that schema, and to log in is to become the role
}

// faults returns what is wrong according to the server.
func (s *location) faults() []tenants.Fault {
	switch {
	case s.atName && s.atOther:
		return []tenants.Fault{
			tenants.FaultMisplaced.Found("there are both databases %s and %s; rename one of them", s.name, s.other),
		}
	case s.atOther:
		return []tenants.Fault{tenants.FaultMisplaced.Mendable("the database is called %s and should be %s", s.other, s.name)}
	case !s.atName:
		return []tenants.Fault{tenants.FaultMissing.Found("there is no database %s or %s", s.name, s.other)}
	}
	var faults []tenants.Fault
	if !s.trashed && !s.role {
		faults = append(faults, tenants.FaultRole.Mendable("the role %s is missing", s.roleName))
	}
	if wrong := append(s.wrongAccess(), s.wrongRole()...); len(wrong) > 0 {
		faults = append(faults, tenants.FaultPermissions.Mendable("%s", strings.Join(wrong, "; ")))
	}
	return faults
}

// wrongAccess returns what is wrong with the permissions on the database.
func (s *location) wrongAccess() (wrong []string) {
	if s.owner != "" {
		wrong = append(wrong, "the database belongs to "+s.owner)
	}
	if len(s.strangers) > 0 {
		wrong = append(wrong, "the database grants permissions to "+strings.Join(s.strangers, ", "))
	}
	switch {
	case s.trashed && s.open:
		wrong = append(wrong, "the database is in the trash but accepts connections")
	case !s.trashed && !s.open:
		wrong = append(wrong, "the database accepts no connections")
	case !s.trashed && s.role && !s.connects:
		wrong = append(wrong, "the role may not connect to the database")
	}
	return wrong
}

// wrongRole returns what is wrong with the tenant's role, if it exists.
func (s *location) wrongRole() (wrong []string) {
	if !s.role {
		return nil
	}
	if s.powers != "" {
		wrong = append(wrong, "the role has the attributes "+s.powers)
	}
	if len(s.planted) > 0 {
		wrong = append(wrong, "the role has settings of its own: "+strings.Join(s.planted, ", "))
	}
	if s.lapses {
		wrong = append(wrong, "the role's password expires")
	}
	if s.limit != s.wantLimit && !s.trashed && !s.shared {
		wrong = append(wrong, fmt.Sprintf("the role may have %d connections and should have %d", s.limit, s.wantLimit))
	}
	if len(s.memberships) > 0 {
		wrong = append(wrong, "the role is a member of "+strings.Join(s.memberships, ", "))
	}
	switch {
	case s.trashed && s.login:
		wrong = append(wrong, "the role may log in though its database is in the trash")
	case !s.trashed && !s.login && s.shared:
		wrong = append(wrong, "the login role may not become the role")
	case !s.trashed && !s.login:
		wrong = append(wrong, "the role may not log in")
	case !s.trashed && !s.grouped:
		wrong = append(wrong, "the role has no permissions inside the database")
	}
	return wrong
}

// admits reports whether the role, and nobody else, may use the tenant's tables, and may do nothing else.
func (l *location) admits() bool {
	return l.serves && l.powers == "" && len(l.strangers) == 0 && len(l.memberships) == 0
}
