package tenants

import "time"

// Instance is a process that serves tenants or works on them. Its times don't say whether it is
// alive, because clocks jump and differ between machines; Master.Living does.
type Instance struct {
	// ID is a lower-case ULID. Each start of a process has a new one.
	ID string `gorm:"primaryKey;not null;check:instances_id_check,length(id) = 26"`
	// Name is for people: the host's name and the process's id.
	Name      string    `gorm:"not null"`
	StartedAt time.Time `gorm:"not null"`
	// ExpiresAt is the time of the last heartbeat plus TTL. It changes with each heartbeat.
	ExpiresAt time.Time `gorm:"not null"`
	// TTL is the longest time between two heartbeats.
	TTL time.Duration `gorm:"not null;default:0"`
	// SchemaVersion names the process's build by the last of its migrations of tenants. It is 0 for a build that
	// doesn't tell.
	SchemaVersion int64 `gorm:"not null;default:0"`
	// Address is where the process listens for tenants' requests. It is empty for a process that serves none, such as
	// a command.
	Address string `gorm:"not null;default:('')"`
	// Origin is the machine on which the process runs, and which of its processes it is. It is empty if the system
	// doesn't tell.
	Origin string `gorm:"not null;default:('')"`

	// Acknowledgements are deleted with the instance.
	Acknowledgements []Acknowledgement `gorm:"constraint:acknowledgements_instance_id_fkey,OnDelete:CASCADE"`
}
