package tenants

import "time"

// Instance is a process that serves tenants or works on them. Whether it lives
// is not read off its times: clocks jump, and those of processes differ.
type Instance struct {
	// ID is a lower-case ULID, new with each start.
	ID string `gorm:"primaryKey;not null;check:instances_id_check,length(id) = 26"`
	// Name is for people: the host's name, the process's id.
	Name      string    `gorm:"not null"`
	StartedAt time.Time `gorm:"not null"`
	// ExpiresAt changes with each heartbeat: it is TTL after that.
	ExpiresAt time.Time `gorm:"not null"`
	// TTL is how long the instance goes without a heartbeat at most.
	TTL time.Duration `gorm:"not null;default:0"`

	// Acknowledgements go with the instance.
	Acknowledgements []Acknowledgement `gorm:"constraint:acknowledgements_instance_id_fkey,OnDelete:CASCADE"`
}
