package models

import "time"

// Instance is a process that serves tenants or works on them. It is dead when
// ExpiresAt has passed by the master's clock.
type Instance struct {
	// ID is a lower-case ULID, new with each start.
	ID string `gorm:"primaryKey;not null;check:instances_id_check,length(id) = 26"`
	// Name is for people: the host's name, the process's id.
	Name      string    `gorm:"not null"`
	StartedAt time.Time `gorm:"not null"`
	ExpiresAt time.Time `gorm:"not null"`

	// Acknowledgements go with the instance.
	Acknowledgements []Acknowledgement `gorm:"constraint:acknowledgements_instance_id_fkey,OnDelete:CASCADE"`
}
