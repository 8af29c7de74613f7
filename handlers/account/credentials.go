package account

import (
	"strconv"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
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
func (a *Accounts) mint(tx *gorm.DB, t *tenants.Tenant, kind auth.Kind, row *models.Credential, life time.Duration) (text string, err error) {
	text, row.Digest = auth.Mint(t.ID, kind)
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
// credentials of a kind: those of the user who asks, or for admins with user_id those
// of another user or of "all".
func (a *Accounts) FindCredentials(tx *gorm.DB, who *Identity, kind models.CredentialKind, q *request.Query) (none request.Found[models.Credential], err error) {
	owner, given := q.Get("user_id")
	if !given {
		owner = strconv.FormatInt(who.UserID, 10)
	}
	page := q.Page(string(kind)+"/"+owner, request.Order{Columns: []string{"id"}})
	rows := tx.Where("kind = ? AND expires_at > ?", kind, a.now())
	ownerID, err := strconv.ParseInt(owner, 10, 64)
	switch {
	case err == nil && strconv.FormatInt(ownerID, 10) == owner:
		rows = rows.Where("user_id = ?", ownerID)
	case owner != "all":
		q.Add("user_id", `must be the id of a user, or "all"`)
	}
	if err := q.Err(); err != nil {
		return none, err
	}
	if err := who.MayChange(ownerID); err != nil {
		return none, err
	}
	return request.FindPage(rows, q, page, func(row models.Credential) []int64 { return []int64{row.ID} })
}

// takeCredential reads the credential with the id, if it is of the kind and belongs to
// the user who asks or they are an admin. Otherwise it returns gorm.ErrRecordNotFound.
func takeCredential(tx *gorm.DB, who *Identity, kind models.CredentialKind, id int64) (models.Credential, error) {
	row, err := request.Take[models.Credential](tx.Where("kind = ?", kind), id)
	if err == nil && who.MayChange(row.UserID) != nil {
		err = gorm.ErrRecordNotFound
	}
	return row, err
}

// deleteCredential ends a credential. It is not an error if the credential has
// already ended.
func deleteCredential(tx *gorm.DB, id int64) error {
	return tx.Delete(&models.Credential{ID: id}).Error
}
