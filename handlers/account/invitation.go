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
	made, err := a.Invite(c, tx, in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, invitationJSON{made.URL, made.ExpiresAt})
	return nil
}

// Invite creates an invitation for the user in the path. Earlier invitations end. It
// is for admins, and works below Confirm.
func (a *Accounts) Invite(c *gin.Context, tx *gorm.DB, in *request.Input) (Invitation, error) {
	if err := Confirm(c, in); err != nil {
		return Invitation{}, err
	}
	if err := in.Done(); err != nil {
		return Invitation{}, err
	}
	user, err := request.TakeRow[models.User](c, models.Locked(tx))
	if err != nil {
		return Invitation{}, err
	}
	if err := Confirmed(c, tx); err != nil {
		return Invitation{}, err
	}
	made, err := a.invite(tx, web.From(c), user)
	if err != nil {
		return made, err
	}
	return made, Record(c, tx, UserSubject(user), "invited", fmt.Sprintf("invited user “%s”", user.Name))
}

// invite replaces a user's earlier invitations with a new one, and sends it after it
// is stored.
func (a *Accounts) invite(tx *gorm.DB, t *tenants.Tenant, user models.User) (Invitation, error) {
	if err := Revoke(tx, user.ID, 0, models.KindInvitation); err != nil {
		return Invitation{}, err
	}
	row := models.Credential{UserID: user.ID, Kind: models.KindInvitation}
	text, err := a.mint(tx, t.ID, auth.KindInvitation, &row, invitationLife)
	if err != nil {
		return Invitation{}, err
	}
	made := Invitation{t, user, a.origin(t.Address()) + "/invitation?token=" + text, row.ExpiresAt}
	if a.mailer != nil {
		tenants.AfterCommit(tx, func(ctx context.Context) { a.mail(ctx, made) })
	}
	return made, nil
}

// mailTimeout limits how long a mailer may delay a request.
const mailTimeout = 10 * time.Second

func (a *Accounts) mail(ctx context.Context, made Invitation) {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	if err := a.mailer.Invite(ctx, made); err != nil {
		a.log.ErrorContext(ctx, "mail an invitation", "tenant", made.Tenant.Subdomain, "user", made.User.ID, "error", err)
	}
}

// AcceptInvitation sets the invited user's password and signs them in. The
// invitation can't be used again. It works outside of scopes.
func (a *Accounts) AcceptInvitation(c *gin.Context) {
	Unscoped(c, func(c *gin.Context) error {
		in, err := request.ReadInput(c)
		if err != nil {
			return err
		}
		begun, err := a.join(c, in)
		if err == nil {
			a.answerSession(c, begun)
		}
		return err
	})
}

// Join accepts an invitation like AcceptInvitation, but returns the session as a
// cookie only. It works in Unscoped.
func (a *Accounts) Join(c *gin.Context, in *request.Input) error {
	begun, err := a.join(c, in)
	if err == nil {
		a.setCookie(c, begun)
	}
	return err
}

func (a *Accounts) join(c *gin.Context, in *request.Input) (newSessionJSON, error) {
	var token, password string
	in.Require("token", "password")
	request.Member(in, "token", &token, nil)
	request.Member(in, "password", &password, newPassword)
	if err := in.Done(); err != nil {
		return newSessionJSON{}, err
	}
	return a.accept(c, token, password)
}

// Invited returns the user for whom the invitation with this text was created. It
// doesn't use the invitation up.
func (a *Accounts) Invited(c *gin.Context, text string) (models.User, error) {
	found, err := a.findInvited(c, text)
	return found.user, err
}

// invited is a valid invitation.
type invited struct {
	credential models.Credential
	user       models.User
}

// errNotInvited is returned for every kind of invalid invitation.
var errNotInvited = problem.New(problem.ErrUnauthenticated,
	"This invitation is not valid, or no longer: it works once, for seven days, and until there is a newer one. Ask an admin for another.")

// findInvited returns the invitation with the text, or errNotInvited.
func (a *Accounts) findInvited(c *gin.Context, text string) (found invited, err error) {
	kind, digest, err := auth.Digest(tenantID(c), text)
	if err != nil || kind != auth.KindInvitation {
		return found, errNotInvited
	}
	err = a.store.View(c.Request.Context(), web.From(c), func(tx *gorm.DB) error {
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

// accept hashes the password only if the invitation is valid.
func (a *Accounts) accept(c *gin.Context, text, password string) (newSessionJSON, error) {
	found, err := a.findInvited(c, text)
	if err != nil {
		return newSessionJSON{}, err
	}
	hash, err := a.hasher.Hash(c.Request.Context(), password)
	if err != nil {
		return newSessionJSON{}, err
	}
	var begun newSessionJSON
	err = a.inTenant(c, func(tx *gorm.DB) error {
		if err := a.useUp(tx, &found); err != nil {
			return err
		}
		if err := renewPassword(tx, &found.user, hash); err != nil {
			return err
		}
		begun, err = a.beginSession(tx, tenantID(c), found.user)
		if err != nil {
			return err
		}
		return recordBy(&found.user.ID, tx, UserSubject(found.user), "joined", "accepted an invitation and set a password")
	})
	return begun, err
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
