package tenants

import "time"

// Proof records what came of restoring a tenant's newest backup, checking it and throwing it away. Package proof does that.
type Proof struct {
	TenantID string `gorm:"primaryKey;not null"`
	// TriedAt is when the last try ended, and Error why the backup can't be restored, or empty if it can. It contains no
	// secrets.
	TriedAt time.Time `gorm:"not null"`
	Error   string    `gorm:"not null"`
	// ProvenAt is when the newest successful try ended. It is nil if there was none, like BackupAt, which is when the state
	// that it restored was backed up.
	ProvenAt *time.Time
	BackupAt *time.Time
	// Took is how long the newest successful try took, and Size the bytes that it restored.
	Took time.Duration `gorm:"not null"`
	Size int64         `gorm:"not null"`
}
