package models

import "time"

// SignInAttempts counts sign-ins that did not succeed, for an account or an
// address, since the first of them. Rows of an ended window are removed.
type SignInAttempts struct {
	// Key is SHA-256 over the account or the address.
	Key   []byte    `gorm:"primaryKey;not null;check:sign_in_attempts_key_check,length(key) = 32"`
	Count int64     `gorm:"not null"`
	Since time.Time `gorm:"not null;index:sign_in_attempts_since_idx"`
}
