package tenants

import "time"

// OperatorAccount is an operator with an account of their own. Package operators makes and checks accounts.
type OperatorAccount struct {
	// Name is lower-case. The ledger has it.
	Name string `gorm:"primaryKey;not null;check:operator_accounts_name_check,length(name) BETWEEN 1 AND 63"`
	// Role is viewer, operator or owner.
	Role      string    `gorm:"not null;check:operator_accounts_role_check,role IN ('viewer', 'operator', 'owner')"`
	CreatedBy string    `gorm:"not null;check:operator_accounts_created_by_check,length(created_by) BETWEEN 1 AND 200"`
	CreatedAt time.Time `gorm:"not null"`

	// Tokens are deleted with the account.
	Tokens []OperatorToken `gorm:"foreignKey:Operator;references:Name;constraint:operator_tokens_operator_fkey,OnDelete:CASCADE"`
}

// OperatorToken is a token with which an operator signs in. The token itself is stored nowhere.
type OperatorToken struct {
	// ID is a lower-case ULID.
	ID       string `gorm:"primaryKey;not null;check:operator_tokens_id_check,length(id) = 26"`
	Operator string `gorm:"not null;index:operator_tokens_operator_idx"`
	// Digest is the SHA-256 of the token's text.
	Digest    []byte    `gorm:"not null;uniqueIndex:operator_tokens_digest_key;check:operator_tokens_digest_check,length(digest) = 32"`
	CreatedAt time.Time `gorm:"not null"`
	// LastUsedAt is nil if the token was never used. It is up to an hour old.
	LastUsedAt *time.Time
}
