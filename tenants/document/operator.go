package document

import (
	"time"

	"tenantry/tenants"
)

// Operator is an operator's account as JSON.
type Operator struct {
	Name      string          `json:"name"`
	Role      string          `json:"role"`
	CreatedBy string          `json:"created_by"`
	CreatedAt time.Time       `json:"created_at"`
	Tokens    []OperatorToken `json:"tokens"`
	// Token is the text of a token that was just made.
	Token string `json:"token,omitempty"`
}

// OperatorToken is a token as JSON, without its text.
type OperatorToken struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	// LastUsedAt is nil if the token was never used. It is up to an hour old.
	LastUsedAt *time.Time `json:"last_used_at"`
}

// OperatorOf returns the document of an account.
func OperatorOf(a *tenants.OperatorAccount) Operator {
	d := Operator{Name: a.Name, Role: a.Role, CreatedBy: a.CreatedBy, CreatedAt: a.CreatedAt.UTC(), Tokens: []OperatorToken{}}
	for _, t := range a.Tokens {
		d.Tokens = append(d.Tokens, OperatorToken{t.ID, t.CreatedAt.UTC(), inUTC(t.LastUsedAt)})
	}
	return d
}

// Operators returns the document of all accounts.
func Operators(all []tenants.OperatorAccount) List[Operator] {
	items := make([]Operator, len(all))
	for i := range all {
		items[i] = OperatorOf(&all[i])
	}
	return ListOf(items, "")
}
