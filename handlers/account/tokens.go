package account

import (
	"fmt"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// tokenJSON is the representation of an API token.
type tokenJSON struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	UserID     int64      `json:"user_id"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// newTokenJSON includes an API token's text, which is shown once.
type newTokenJSON struct {
	tokenJSON
	Token string `json:"token"`
}

func viewToken(row models.Credential) tokenJSON {
	return tokenJSON{
		ID: row.ID, Name: row.Name, UserID: row.UserID,
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), LastUsedAt: inUTC(row.LastUsedAt),
	}
}

// inUTC returns the time in UTC, or nil for nil.
func inUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}

func tokenSubject(row models.Credential) Subject { return Subject{"token", row.ID, row.Name} }

// ListTokens lists API tokens by id: the current user's, or for admins with
// ?user_id= those of another user or of "all".
func (a *Accounts) ListTokens(c *gin.Context, tx *gorm.DB) error {
	found, err := a.FindCredentials(tx, Current(c), models.KindToken, request.ReadQuery(c))
	return request.WriteList(c, found, err, viewToken)
}

const (
	defaultTokenDays = 90
	maxTokenDays     = 365
)

// CreateToken creates an API token for the current user, who repeats their password.
// Only the response contains its text.
func (a *Accounts) CreateToken(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	made, err := a.AddToken(tx, web.From(c), Current(c), in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/tokens/%d", made.ID), newTokenJSON{viewToken(made.Credential), made.Text})
	return nil
}

// Token is an API token that has just been created.
type Token struct {
	models.Credential
	Text string // can't be read again
}

// AddToken creates an API token for the user who asks. It works below
// Accounts.Confirm.
func (a *Accounts) AddToken(tx *gorm.DB, t *tenants.Tenant, who *Identity, in *request.Input) (Token, error) {
	row := models.Credential{UserID: who.UserID, Kind: models.KindToken}
	days := int64(defaultTokenDays)
	if err := who.Confirm(in); err != nil {
		return Token{}, err
	}
	in.Require("name")
	request.Member(in, "name", &row.Name, request.Line(200))
	request.Member(in, "expires_in_days", &days, request.Between(1, maxTokenDays))
	if err := in.Done(); err != nil {
		return Token{}, err
	}
	if err := a.roomForToken(tx, row.UserID); err != nil {
		return Token{}, err
	}
	if err := who.Confirmed(tx); err != nil {
		return Token{}, err
	}
	text, err := a.mint(tx, t, auth.KindToken, &row, time.Duration(days)*24*time.Hour)
	if err != nil {
		return Token{}, err
	}
	return Token{row, text}, RecordCreated(tx, who, tokenSubject(row))
}

// roomForToken returns an error if the user already has the maximum number of
// tokens. It locks the user, because concurrent requests could exceed the limit.
func (a *Accounts) roomForToken(tx *gorm.DB, userID int64) error {
	if err := models.Locked(tx).Take(&models.User{}, userID).Error; err != nil {
		return err
	}
	var count int64
	err := tx.Model(&models.Credential{}).Where("user_id = ? AND kind = ? AND expires_at > ?", userID, models.KindToken, a.now()).Count(&count).Error
	if err == nil && count >= maxCredentials {
		err = problem.Conflict(fmt.Sprintf("There are %d API tokens already. Delete one first.", maxCredentials))
	}
	return err
}

// DeleteToken ends an API token, like RemoveToken.
func (a *Accounts) DeleteToken(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveToken(tx, Current(c), request.PathID(c)))
}

// RemoveToken ends the API token with the id, which must belong to the user who asks
// unless they are an admin. An API token can end only itself.
func RemoveToken(tx *gorm.DB, who *Identity, id int64) error {
	row, err := takeCredential(tx, who, models.KindToken, id)
	if err != nil {
		return err
	}
	if err := who.ByPerson(); err != nil && row.ID != who.CredentialID {
		return err
	}
	if err := RecordDeleted(tx, who, tokenSubject(row)); err != nil {
		return err
	}
	return deleteCredential(tx, row.ID)
}
