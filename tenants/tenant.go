package tenants

import "time"

// State is where a tenant stands in its life.
type State string

// The states of a tenant: provisioning → active ⇄ suspended → archived →
// purged, and maintenance while the engine works on it.
const (
	StateProvisioning State = "provisioning"
	StateActive       State = "active"
	StateSuspended    State = "suspended"
	StateArchived     State = "archived"
	StatePurged       State = "purged"
	StateMaintenance  State = "maintenance"
)

// States are all states of a tenant, those that are served first.
func States() []State {
	return []State{StateActive, StateProvisioning, StateMaintenance, StateSuspended, StateArchived, StatePurged}
}

// Tenant is a customer, as the master database knows it. Its data is in a
// database of its own, found through Server and Database.
type Tenant struct {
	// ID is a lower-case ULID. It is never used again for another tenant.
	ID string `gorm:"primaryKey;not null;check:tenants_id_check,length(id) BETWEEN 1 AND 26"`
	// Subdomain is the label under the base domain at which the tenant is reached.
	Subdomain string `gorm:"not null;check:tenants_subdomain_check,length(subdomain) BETWEEN 1 AND 40 AND subdomain = lower(subdomain);uniqueIndex:tenants_subdomain_key"`
	Name      string `gorm:"not null;check:tenants_name_check,length(name) <= 200"`
	State     State  `gorm:"not null;check:tenants_state_check,state IN ('provisioning', 'active', 'suspended', 'archived', 'purged', 'maintenance')"`
	// Server names the place where the database lives.
	Server string `gorm:"not null;check:tenants_server_check,length(server) BETWEEN 1 AND 63;uniqueIndex:tenants_server_database_key,priority:1"`
	// Database is the database's name on its server. No two tenants share one.
	Database string `gorm:"not null;check:tenants_database_check,length(database) BETWEEN 1 AND 63;uniqueIndex:tenants_server_database_key,priority:2"`
	// Credentials are what the engine connects with, sealed; nil where it needs
	// none.
	Credentials []byte
	// SchemaVersion is the last migration applied to the database, so that a
	// pass over current tenants opens none of them.
	SchemaVersion int64 `gorm:"not null"`
	// Epoch grows with every change after which open handles are stale.
	Epoch int64 `gorm:"not null"`
	// RemoveAfter is when a purged tenant's data is removed; nil when it was, and
	// for all others.
	RemoveAfter *time.Time
	// CreatedBy says who made the tenant: "operator" or "seed".
	CreatedBy string    `gorm:"not null;check:tenants_created_by_check,length(created_by) <= 63"`
	CreatedAt time.Time `gorm:"not null"`
	UpdatedAt time.Time `gorm:"not null"`

	Domains []Domain `gorm:"constraint:domains_tenant_id_fkey,OnDelete:CASCADE"`
}
