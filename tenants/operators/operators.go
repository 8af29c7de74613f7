// Package operators has the accounts of operators: their names, what their roles allow, and the tokens with which they
// sign in. The ledger has each change, with the name of its author, as an operation without tenant.
package operators

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// Role is what an operator may do.
type Role string

// The roles. Each may do what those before it may.
const (
	// Viewer sees everything but tenants' data and secrets, and changes nothing.
	Viewer Role = "viewer"
	// Operator changes tenants, servers and migrations.
	Operator Role = "operator"
	// Owner also destroys data, exports credentials, and manages accounts.
	Owner Role = "owner"
)

// Enters is the role that an operator needs to enter tenants.
const Enters = Operator

// Roles returns all roles, the weakest first.
func Roles() []Role { return []Role{Viewer, Operator, Owner} }

// Allows reports whether a role may do what another one may.
func (r Role) Allows(need Role) bool { return r.rank() >= need.rank() && need.rank() > 0 }

// rank returns 0 for what is no role.
func (r Role) rank() int {
	for i, role := range Roles() {
		if r == role {
			return i + 1
		}
	}
	return 0
}

// Errors, for errors.Is.
var (
	ErrExists       = errors.New("an operator has this name already")
	ErrUnknown      = errors.New("there is no operator with this name")
	ErrUnknownToken = errors.New("the operator has no token with this id")
	// ErrNoToken means that a text is the token of no operator.
	ErrNoToken = errors.New("no operator has this token")
	// ErrTooMany means that an operator has as many tokens as they may have.
	ErrTooMany = fmt.Errorf("the operator has %d tokens already; revoke one first", maxTokens)
)

// maxTokens is the largest number of tokens of an account.
const maxTokens = 16

// InvalidError means that a name or a role can't be used.
type InvalidError struct {
	// Field is name or role. Rule says which values are valid.
	Field, Rule string
}

// Error returns the field and the rule.
func (e *InvalidError) Error() string { return e.Field + " " + e.Rule }

// namePattern matches names that can't be mistaken for one another.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._@+-]{0,61}[a-z0-9])?$`)

// ours are names that the ledger uses for the program itself, or for the holder of the one token.
var ours = map[string]bool{"system": true, "seed": true, "operator": true}

// CheckName returns an *InvalidError unless an account can have the name.
func CheckName(name string) error {
	if !namePattern.MatchString(name) || ours[name] {
		return &InvalidError{"name", "must be 1 to 63 lower-case letters, digits and . _ @ + -, begin and end with a letter or digit, and not be system, seed or operator"}
	}
	return nil
}

// CheckRole returns an *InvalidError unless there is such a role.
func CheckRole(role Role) error {
	if role.rank() == 0 {
		return &InvalidError{"role", "must be viewer, operator or owner"}
	}
	return nil
}

// Identity is who has signed in.
type Identity struct {
	Name string
	Role Role
	// TokenID is the id of the token, or empty for the one token of the settings.
	TokenID string
}

// Accounts has the accounts in a master database. It is safe for concurrent use.
type Accounts struct{ master *tenants.Master }

// New returns the accounts in the master.
func New(master *tenants.Master) *Accounts { return &Accounts{master} }

// Add makes an account with a token, whose text can't be read again. Returns ErrExists or an *InvalidError.
func (a *Accounts) Add(ctx context.Context, name string, role Role, by string) (token string, err error) {
	if err := errors.Join(CheckName(name), CheckRole(role)); err != nil {
		return "", err
	}
	done := deed{Kind: tenants.KindOperatorAdd, By: by, Operator: name, Role: role}
	err = a.update(ctx, "add operator", done, func(tx *gorm.DB, now time.Time, _ *deed) error {
		err := tx.Create(&tenants.OperatorAccount{Name: name, Role: string(role), CreatedBy: by, CreatedAt: now}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return ErrExists
		}
		if err == nil {
			token, _, err = mint(tx, name, now)
		}
		return err
	})
	return token, err
}

// mint stores a new token of an account.
func mint(tx *gorm.DB, name string, now time.Time) (text, id string, err error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never returns an error: it crashes the program instead
	text, id = prefix+base64.RawURLEncoding.EncodeToString(secret), strings.ToLower(ulid.Make().String())
	return text, id, tx.Create(&tenants.OperatorToken{ID: id, Operator: name, Digest: digestOf(text), CreatedAt: now}).Error
}

// prefix begins every token, so that scanners for leaked secrets find it.
const prefix = "tnto_"

func digestOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// List returns all accounts by name, with their tokens, the oldest first, without digests.
func (a *Accounts) List(ctx context.Context) (all []tenants.OperatorAccount, err error) {
	err = a.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Preload("Tokens", func(tx *gorm.DB) *gorm.DB { return tx.Omit("digest").Order("id") }).Order("name").Find(&all).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list operators: %w", err)
	}
	return all, nil
}

// Get returns an account as List does. Returns ErrUnknown.
func (a *Accounts) Get(ctx context.Context, name string) (*tenants.OperatorAccount, error) {
	all, err := a.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("operator %q: %w", name, ErrUnknown)
}

// SetRole changes what an operator may do, from their next request. The visits of an operator who may no longer enter
// tenants end. Returns ErrUnknown or an *InvalidError.
func (a *Accounts) SetRole(ctx context.Context, name string, role Role, by string) error {
	if err := CheckRole(role); err != nil {
		return err
	}
	done := deed{Kind: tenants.KindOperatorRole, By: by, Operator: name, Role: role}
	return a.update(ctx, "change operator", done, func(tx *gorm.DB, now time.Time, _ *deed) error {
		err := changed(tx.Model(&tenants.OperatorAccount{}).Where("name = ?", name).Update("role", role), ErrUnknown)
		if err != nil || role.Allows(Enters) {
			return err
		}
		return dismiss(tx, now, "operator = ?", name)
	})
}

// Remove deletes an account with its tokens, which are worth nothing from the next request, and ends its visits to tenants.
// Returns ErrUnknown.
func (a *Accounts) Remove(ctx context.Context, name, by string) error {
	done := deed{Kind: tenants.KindOperatorRemove, By: by, Operator: name}
	return a.update(ctx, "remove operator", done, func(tx *gorm.DB, now time.Time, _ *deed) error {
		if err := changed(tx.Delete(&tenants.OperatorAccount{}, "name = ?", name), ErrUnknown); err != nil {
			return err
		}
		return dismiss(tx, now, "operator = ?", name)
	})
}

// dismiss ends an operator's visits to tenants.
func dismiss(tx *gorm.DB, now time.Time, condition string, value any) error {
	return tenants.EndVisits(tx, now, tenants.VisitDismissed, condition, value)
}

// NewToken makes another token of an account. Its text can't be read again. Returns ErrUnknown or ErrTooMany.
func (a *Accounts) NewToken(ctx context.Context, name, by string) (text, id string, err error) {
	done := deed{Kind: tenants.KindOperatorToken, By: by, Operator: name}
	err = a.update(ctx, "make token of operator", done, func(tx *gorm.DB, now time.Time, done *deed) error {
		// The write locks the row: two tokens at once can't both be the last one.
		if err := changed(tx.Model(&tenants.OperatorAccount{}).Where("name = ?", name).Update("name", name), ErrUnknown); err != nil {
			return err
		}
		var tokens int64
		if err := tx.Model(&tenants.OperatorToken{}).Where("operator = ?", name).Count(&tokens).Error; err != nil {
			return err
		}
		if tokens >= maxTokens {
			return ErrTooMany
		}
		text, id, err = mint(tx, name, now)
		done.Token = id
		return err
	})
	return text, id, err
}

// Revoke deletes a token of an account, and ends the visits to tenants that were asked for with it. Returns ErrUnknownToken.
func (a *Accounts) Revoke(ctx context.Context, name, id, by string) error {
	done := deed{Kind: tenants.KindOperatorRevoke, By: by, Operator: name, Token: id}
	return a.update(ctx, "revoke token of operator", done, func(tx *gorm.DB, now time.Time, _ *deed) error {
		if err := changed(tx.Delete(&tenants.OperatorToken{}, "operator = ? AND id = ?", name, id), ErrUnknownToken); err != nil {
			return err
		}
		return dismiss(tx, now, "token_id = ?", id)
	})
}

// changed returns missing if a statement changed nothing.
func changed(result *gorm.DB, missing error) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return missing
	}
	return result.Error
}

// deed is what the ledger has of a change: its kind and who asked, and the parameters.
type deed struct {
	Kind     tenants.OperationKind `json:"-"`
	By       string                `json:"-"`
	Operator string                `json:"operator"`
	Role     Role                  `json:"role,omitempty"`
	Token    string                `json:"token,omitempty"` // its id
}

// update runs f in a transaction of the master, at a time of its clock, and records in the ledger what it did.
func (a *Accounts) update(ctx context.Context, what string, done deed, f func(tx *gorm.DB, now time.Time, done *deed) error) error {
	err := a.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := a.master.Now(tx)
		if err != nil {
			return err
		}
		if err := f(tx, now, &done); err != nil {
			return err
		}
		return record(tx, now, done)
	})
	if err != nil {
		return fmt.Errorf("%s %q: %w", what, done.Operator, err)
	}
	return nil
}

// record writes a change into the ledger.
func record(tx *gorm.DB, now time.Time, done deed) error {
	params, err := json.Marshal(done)
	if err != nil {
		return err
	}
	return tx.Create(&tenants.Operation{
		ID: strings.ToLower(ulid.Make().String()), Kind: done.Kind, By: done.By, Params: string(params), State: tenants.OperationDone,
		Attempts: 1, StartedAt: now, UpdatedAt: now, FinishedAt: &now,
	}).Error
}
