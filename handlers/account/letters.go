package account

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/mail"
	"tenantry/models"
	"tenantry/tenants"
)

// The names of messages, and of the invitations in them.
const (
	invitationLetter = "invitation"
	resetLetter      = "password-reset"
)

// Letters are the writers of messages about accounts. A letter's link is made when the letter is written, and ends the link of
// the letter before, so that none is stored while a message waits.
func (a *Accounts) Letters() map[string]mail.Writer {
	return map[string]mail.Writer{
		invitationLetter: {Write: a.writeInvitation, Waits: true},
		resetLetter:      {Write: a.writeReset, Waits: true},
	}
}

// writeInvitation writes to an invited user, unless the invitation was accepted or ended meanwhile.
func (a *Accounts) writeInvitation(tx *gorm.DB, t *tenants.Tenant, m mail.Message) (*mail.Letter, error) {
	user, err := found(tx.Where("id = ?", m.UserID))
	if err != nil || user == nil {
		return nil, err
	}
	var open int64
	err = tx.Model(&models.Credential{}).
		Where("user_id = ? AND kind = ? AND name <> ? AND expires_at > ?", user.ID, models.KindInvitation, resetLetter, a.now()).Count(&open).Error
	if err != nil || open == 0 {
		return nil, err
	}
	link, until, err := a.mailedLink(tx, t, *user, invitationLetter, invitationLife)
	if err != nil {
		return nil, err
	}
	return &mail.Letter{To: user.Email, Subject: "Your invitation to " + nameOf(t), Text: fmt.Sprintf(`Hello %s,

you are invited to work at %s. Choose a password here, until %s:

%s

The link works once. If you don't know why you get this message, ignore it.
`, user.Name, nameOf(t), until, link)}, nil
}

// writeReset writes to the user with the message's address, if there is one.
func (a *Accounts) writeReset(tx *gorm.DB, t *tenants.Tenant, m mail.Message) (*mail.Letter, error) {
	user, err := found(tx.Where("lower(email) = ?", m.Email))
	if err != nil || user == nil {
		return nil, err
	}
	link, until, err := a.mailedLink(tx, t, *user, resetLetter, resetLife)
	if err != nil {
		return nil, err
	}
	return &mail.Letter{To: user.Email, Subject: "Your password at " + nameOf(t), Text: fmt.Sprintf(`Hello %s,

you, or another person who typed your address, asked for a new password at %s. Choose one here, until %s:

%s

The link works once. Your sessions and API tokens end when you have chosen. If you didn't ask, ignore this message: your
password stays as it is.
`, user.Name, nameOf(t), until, link)}, nil
}

// nameOf is how letters name a tenant.
func nameOf(t *tenants.Tenant) string { return cmp.Or(t.Name, t.Subdomain) }

// found returns the locked user, or nil if there is none.
func found(selected *gorm.DB) (*models.User, error) {
	var user models.User
	err := models.Locked(selected).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &user, err
}

// mailedLink makes the link of a letter in place of that of an earlier one of the name.
func (a *Accounts) mailedLink(tx *gorm.DB, t *tenants.Tenant, user models.User, letter string, life time.Duration) (link, until string, err error) {
	err = tx.Delete(&models.Credential{}, "user_id = ? AND kind = ? AND name = ?", user.ID, models.KindInvitation, letter).Error
	if err != nil {
		return "", "", err
	}
	made, err := a.mintInvitation(tx, t, user, letter, life)
	return made.URL, made.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC"), err
}
