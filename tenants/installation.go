package tenants

// Installation is the one row in the master that names the installation. A recovered master has the same one.
type Installation struct {
	// ID is a lower-case ULID.
	ID string `gorm:"primaryKey;not null;check:installation_id_check,length(id) = 26"`
}

// TableName is "installation".
func (Installation) TableName() string { return "installation" }
