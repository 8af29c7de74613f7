package account

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/request"
	"tenantry/models"
)

// Lifetimes of credentials, from their creation. Use doesn't extend them.
const (
	sessionLife    = 14 * 24 * time.Hour
	invitationLife = 7 * 24 * time.Hour
)

// maxCredentials is the maximum number of sessions, and of API tokens, per user.
const maxCredentials = 100

// mint stores a credential of the tenant and returns its text, which can't be read
// again.
func (a *Accounts) mint(tx *gorm.DB, tenantID string, kind auth.Kind, row *models.Credential, life time.Duration) (text string, err error) {
	text, row.Digest = auth.Mint(tenantID, kind)
	row.CreatedAt = a.now()
	row.ExpiresAt = row.CreatedAt.Add(life)
	if err := sweepCredentials(tx, row.CreatedAt); err != nil {
		return "", err
	}
	return text, tx.Create(row).Error
}

// sweepCredentials removes some of all users' expired credentials.
func sweepCredentials(tx *gorm.DB, now time.Time) error {
	expired := tx.Model(&models.Credential{}).Select("id").Where("expires_at <= ?", now).Order("expires_at")
	return tx.Where("id IN (?)", unlocked(expired)).Delete(&models.Credential{}).Error
}

// Revoke ends a user's credentials of the given kinds, or of all kinds if none is
// given, except the one with the id kept.
func Revoke(tx *gorm.DB, userID, kept int64, kinds ...models.CredentialKind) error {
	tx = tx.Where("user_id = ? AND id <> ?", userID, kept)
	if len(kinds) > 0 {
		tx = tx.Where("kind IN ?", kinds)
	}
	return tx.Delete(&models.Credential{}).Error
}

// FindCredentials returns the page that the query asks for of the unexpired
// credentials of a kind: the current user's, or for admins with ?user_id= those of
// another user or of "all".
func (a *Accounts) FindCredentials(c *gin.Context, tx *gorm.DB, kind models.CredentialKind) (none request.Found[models.Credential], err error) {
	owner := c.DefaultQuery("user_id", strconv.FormatInt(Current(c).UserID, 10))
	var bad request.Faults
	page := request.ReadPage(c, &bad, string(kind)+"/"+owner, request.Order{Columns: []string{"id"}})
	rows := tx.Where("kind = ? AND expires_at > ?", kind, a.now())
	ownerID, err := strconv.ParseInt(owner, 10, 64)
	switch {
	case err == nil && strconv.FormatInt(ownerID, 10) == owner:
		rows = rows.Where("user_id = ?", ownerID)
	case owner != "all":
		bad.Add("user_id", `must be the id of a user, or "all"`)
	}
	if err := bad.Err(); err != nil {
		return none, err
	}
	if err := MayChange(c, ownerID); err != nil {
		return none, err
	}
	return request.FindPage(rows, page, func(row models.Credential) []int64 { return []int64{row.ID} })
}

// takeCredential reads the credential whose id is in the path, if it is of the kind
// and belongs to the current user or the current user is an admin. Otherwise it
// returns gorm.ErrRecordNotFound.
func takeCredential(c *gin.Context, tx *gorm.DB, kind models.CredentialKind) (models.Credential, error) {
	row, err := request.TakeRow[models.Credential](c, tx.Where("kind = ?", kind))
	if err == nil && MayChange(c, row.UserID) != nil {
		err = gorm.ErrRecordNotFound
	}
	return row, err
}

// deleteCredential ends a credential. It is not an error if the credential has
// already ended.
func deleteCredential(tx *gorm.DB, id int64) error {
	return tx.Delete(&models.Credential{ID: id}).Error
}
