package models

import "time"

// CredentialKind says what a credential can be used for.
type CredentialKind string

// The kinds: a session of a browser or program that signed in, an API token,
// and an invitation, with which a password is set once.
const (
	KindSession    CredentialKind = "session"
	KindToken      CredentialKind = "token"
	KindInvitation CredentialKind = "invitation"
)

// Credential is a secret that stands for a user. Only its digest is stored.
type Credential struct {
	ID     int64          `gorm:"primaryKey"`
	UserID int64          `gorm:"not null;index:credentials_user_idx"`
	Kind   CredentialKind `gorm:"not null;check:credentials_kind_check,kind IN ('session', 'token', 'invitation')"`
	// Digest is SHA-256 over the secret, the kind and the tenant's id: a copy
	// of the row in another tenant's database gives no access.
	Digest []byte `gorm:"not null;check:credentials_digest_check,length(digest) = 32;uniqueIndex:credentials_digest_key"`
	// Name is what its user calls an API token, and names the message that an invitation was sent in; else it is empty.
	Name      string    `gorm:"not null;check:credentials_name_check,length(name) <= 200"`
	ExpiresAt time.Time `gorm:"not null;index:credentials_expires_idx"`
	// LastUsedAt is exact to some minutes; nil until the first use.
	LastUsedAt *time.Time
	CreatedAt  time.Time `gorm:"not null"`
}
