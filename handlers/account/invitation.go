package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/mail"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// invitationJSON is the representation of an invitation, shown once.
type invitationJSON struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// invitedJSON is the representation of a user for the admin who invites them.
type invitedJSON struct {
	userJSON
	Invitation invitationJSON `json:"invitation"`
}

// InviteUser creates an invitation for the user in the path, who may have forgotten
// their password. Earlier invitations end. It is for admins, who repeat their own
// password.
func (a *Accounts) InviteUser(c *gin.Context, tx *gorm.DB) error {
	in := request.NewInput(nil)
	if c.Request.ContentLength != 0 {
		var err error
		if in, err = request.ReadInput(c); err != nil {
			return err
		}
	}
	made, err := a.Invite(tx, web.From(c), Current(c), request.PathID(c), in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, invitationJSON{made.URL, made.ExpiresAt})
	return nil
}

// Invite creates an invitation for the user with the id. Earlier invitations end. It
// is for admins, and works below Accounts.Confirm.
func (a *Accounts) Invite(tx *gorm.DB, t *tenants.Tenant, who *Identity, id int64, in *request.Input) (Invitation, error) {
	if err := who.Confirm(in); err != nil {
		return Invitation{}, err
	}
	if err := in.Done(); err != nil {
		return Invitation{}, err
	}
	user, err := request.Take[models.User](models.Locked(tx), id)
	if err != nil {
		return Invitation{}, err
	}
	if err := who.Confirmed(tx); err != nil {
		return Invitation{}, err
	}
	made, err := a.inviteByMail(tx, t, user)
	if err != nil {
		return made, err
	}
	return made, Record(tx, who, UserSubject(user), "invited", fmt.Sprintf("invited user “%s”", user.Name))
}

// invite replaces a user's earlier invitations with a new one.
func (a *Accounts) invite(tx *gorm.DB, t *tenants.Tenant, user models.User) (Invitation, error) {
	if err := Revoke(tx, user.ID, 0, models.KindInvitation); err != nil {
		return Invitation{}, err
	}
	return a.mintInvitation(tx, t, user, "", invitationLife)
}

// inviteByMail is invite, and has the user written to if mail is sent: the message has a link of its own. Returns
// ErrTooManyTries if there were too many of them.
func (a *Accounts) inviteByMail(tx *gorm.DB, t *tenants.Tenant, user models.User) (Invitation, error) {
	if !a.mails {
		return a.invite(tx, t, user)
	}
	if err := a.countInvitation(tx, user); err != nil {
		return Invitation{}, err
	}
	made, err := a.invite(tx, t, user)
	if err != nil {
		return made, err
	}
	return made, mail.Enqueue(tx, mail.Message{Name: invitationLetter, UserID: user.ID}, fmt.Sprintf("%s/%d", invitationLetter, user.ID))
}

// mintInvitation creates an invitation beside earlier ones. letter is the name of the message that has it, or empty.
func (a *Accounts) mintInvitation(tx *gorm.DB, t *tenants.Tenant, user models.User, letter string, life time.Duration) (Invitation, error) {
	row := models.Credential{UserID: user.ID, Kind: models.KindInvitation, Name: letter}
	text, err := a.mint(tx, t, auth.KindInvitation, &row, life)
	if err != nil {
		return Invitation{}, err
	}
	return Invitation{t, user, a.origin(t.Address()) + "/invitation?token=" + text, row.ExpiresAt}, nil
}

// AcceptInvitation sets the invited user's password and signs them in. The
// invitation can't be used again. It works outside of scopes.
func (a *Accounts) AcceptInvitation(c *gin.Context) {
	a.answerSession(c, func(in *request.Input) (Session, error) {
		return a.Join(c.Request.Context(), web.From(c), in)
	})
}

// Join sets the invited user's password, and begins a session. The password is hashed
// only if the invitation is valid.
func (a *Accounts) Join(ctx context.Context, t *tenants.Tenant, in *request.Input) (Session, error) {
	var token, password string
	in.Require("token", "password")
	request.Member(in, "token", &token, nil)
	request.Member(in, "password", &password, newPassword)
	if err := in.Done(); err != nil {
		return Session{}, err
	}
	found, err := a.findInvited(ctx, t, token)
	if err != nil {
		return Session{}, err
	}
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return Session{}, err
	}
	return a.accept(ctx, t, &found, hash)
}

// Invited returns the user for whom the invitation with this text was created. It
// doesn't use the invitation up.
func (a *Accounts) Invited(ctx context.Context, t *tenants.Tenant, text string) (models.User, error) {
	found, err := a.findInvited(ctx, t, text)
	return found.user, err
}

// invited is a valid invitation.
type invited struct {
	credential models.Credential
	user       models.User
}

// errNotInvited is returned for every kind of invalid invitation.
var errNotInvited = problem.New(problem.ErrUnauthenticated,
	"This invitation is not valid, or no longer: it works once, for seven days, or for an hour after a password was forgotten, and until there is a newer one. Ask for another.")

// findInvited returns the invitation with the text, or errNotInvited.
func (a *Accounts) findInvited(ctx context.Context, t *tenants.Tenant, text string) (found invited, err error) {
	kind, digest, err := auth.Digest(t.ID, text)
	if err != nil || kind != auth.KindInvitation {
		return found, errNotInvited
	}
	err = a.store.View(ctx, t, func(tx *gorm.DB) error {
		err := tx.Where("digest = ? AND kind = ? AND expires_at > ?", digest, models.KindInvitation, a.now()).Take(&found.credential).Error
		if err != nil {
			return err
		}
		return tx.Take(&found.user, found.credential.UserID).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = errNotInvited
	}
	return found, err
}

// accept uses an invitation up and sets the password's hash.
func (a *Accounts) accept(ctx context.Context, t *tenants.Tenant, found *invited, hash string) (begun Session, err error) {
	err = a.inTenant(ctx, t, func(tx *gorm.DB) error {
		if err := a.useUp(tx, found); err != nil {
			return err
		}
		if err := renewPassword(tx, &found.user, hash); err != nil {
			return err
		}
		begun, err = a.beginSession(tx, t, found.user)
		if err != nil {
			return err
		}
		return Record(tx, &Identity{UserID: found.user.ID}, UserSubject(found.user), "joined", howJoined(found.credential.Name))
	})
	return begun, err
}

// howJoined says how a password was set, with an invitation that was in a message of that name.
func howJoined(letter string) string {
	if letter == resetLetter {
		return "had forgotten their password and set another"
	}
	return "accepted an invitation and set a password"
}

// useUp locks the user and ends the invitation. If two requests use it at the same
// time, one of them fails.
func (a *Accounts) useUp(tx *gorm.DB, found *invited) error {
	err := models.Locked(tx).Take(&found.user, found.user.ID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errNotInvited
	}
	if err != nil {
		return err
	}
	used := tx.Where("expires_at > ?", a.now()).Delete(&models.Credential{ID: found.credential.ID})
	if used.Error == nil && used.RowsAffected != 1 {
		return errNotInvited
	}
	return used.Error
}

// renewPassword sets a password and ends the user's other credentials.
func renewPassword(tx *gorm.DB, user *models.User, hash string) error {
	if err := setPassword(tx, user, hash); err != nil {
		return err
	}
	return Revoke(tx, user.ID, 0)
}
