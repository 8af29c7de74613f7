package tenants

import (
	"slices"
	"time"
)

// State is the state of a tenant.
type State string

// The states of a tenant: provisioning → active ⇄ suspended → archived → purged, and maintenance
// while an operation works on the tenant.
const (
	StateProvisioning State = "provisioning"
	StateActive       State = "active"
	StateSuspended    State = "suspended"
	StateArchived     State = "archived"
	StatePurged       State = "purged"
	StateMaintenance  State = "maintenance"
)

// States returns all states of a tenant, those that are served first.
func States() []State {
	return []State{StateActive, StateProvisioning, StateMaintenance, StateSuspended, StateArchived, StatePurged}
}

// IsSettled reports whether tenants in this state have a database, and no operation works on it.
func (s State) IsSettled() bool {
	return s == StateActive || s == StateSuspended || s == StateArchived
}

// IsMigrated reports whether tenants in this state have a database that is brought to each new version, at
// once or when the operation that works on it has ended.
func (s State) IsMigrated() bool { return s.IsSettled() || s == StateMaintenance }

// MigratedStates returns the states for which IsMigrated is true.
func MigratedStates() []State {
	return slices.DeleteFunc(States(), func(s State) bool { return !s.IsMigrated() })
}

// Tenant is a customer in the master database. The customer's data is in a database of its own, named
// by Server and Database.
type Tenant struct {
	// ID is a lower-case ULID. It is never reused.
	ID string `gorm:"primaryKey;not null;check:tenants_id_check,length(id) BETWEEN 1 AND 26;index:tenants_provisioning_idx,where:state = 'provisioning'"`
	// Subdomain is the label under the base domain at which the tenant is reached.
	Subdomain string `gorm:"not null;check:tenants_subdomain_check,length(subdomain) BETWEEN 1 AND 40 AND subdomain = lower(subdomain);uniqueIndex:tenants_subdomain_key"`
	Name      string `gorm:"not null;check:tenants_name_check,length(name) <= 200"`
	State     State  `gorm:"not null;check:tenants_state_check,state IN ('provisioning', 'active', 'suspended', 'archived', 'purged', 'maintenance')"`
	// Server is the name of the server on which the database is.
	Server string `gorm:"not null;check:tenants_server_check,length(server) BETWEEN 1 AND 63;uniqueIndex:tenants_server_database_key,priority:1"`
	// Database is the database's name on its server. No two tenants share a database.
	Database string `gorm:"not null;check:tenants_database_check,length(database) BETWEEN 1 AND 63;uniqueIndex:tenants_server_database_key,priority:2"`
	// Credentials are what the engine connects with, sealed. They are nil if it needs none.
	Credentials []byte
	// SchemaVersion is the last migration applied to the database. It lets a migration skip tenants
	// that are up to date without opening them.
	SchemaVersion int64 `gorm:"not null"`
	// Epoch increases with every change that makes open handles stale.
	Epoch int64 `gorm:"not null"`
	// Limits are the tenant's own limits.
	Limits Limits `gorm:"embedded"`
	// Settings are the values of its own of the application's settings: see SettingsOf.
	Settings StoredSettings `gorm:"not null;default:'{}';check:tenants_settings_check,length(settings) <= 16384"`
	// ReadOnly means that a tenant under maintenance is served to those who only read.
	ReadOnly bool `gorm:"not null;default:false"`
	// Maintenance is what an operator keeps the tenant closed for, if it is closed.
	Maintenance Maintenance `gorm:"embedded;embeddedPrefix:maintenance_"`
	// LeftServer and LeftDatabase are the database that the tenant's last move left in the trash of its former server,
	// and LeftUntil is when it will be removed. They are nil if there is none.
	LeftServer, LeftDatabase *string
	LeftUntil                *time.Time `gorm:"index:tenants_left_until_idx,where:left_until IS NOT NULL"`
	// RemoveAfter is when a purged tenant's data will be removed. It is nil once it was removed, and
	// for all other tenants.
	RemoveAfter *time.Time `gorm:"index:tenants_remove_after_idx,where:remove_after IS NOT NULL"`
	// CreatedBy says what created the tenant: "operator", unless the application says otherwise.
	CreatedBy string    `gorm:"not null;check:tenants_created_by_check,length(created_by) <= 63"`
	CreatedAt time.Time `gorm:"not null"`
	UpdatedAt time.Time `gorm:"not null"`

	Domains []Domain `gorm:"constraint:domains_tenant_id_fkey,OnDelete:CASCADE"`
}

// HasDatabase reports whether the tenant should have a complete database, in use or in the trash.
func (t *Tenant) HasDatabase() bool { return t.State != StateProvisioning && !t.IsRemoved() }

// IsRemoved reports whether the tenant was purged and its data removed.
func (t *Tenant) IsRemoved() bool { return t.State == StatePurged && t.RemoveAfter == nil }
