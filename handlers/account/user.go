package account

import (
	"errors"
	"fmt"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// userJSON is the representation of a user.
type userJSON struct {
	ID    int64       `json:"id"`
	Email string      `json:"email"`
	Name  string      `json:"name"`
	Role  models.Role `json:"role"`
}

// ViewUser returns the representation of a user.
func ViewUser(u models.User) userJSON {
	return userJSON{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role}
}

// UserSubject is the subject of activities about a user.
func UserSubject(u models.User) Subject { return Subject{"user", u.ID, u.Name} }

// FillUser takes a user's members out of the body.
func FillUser(in *request.Input, u *models.User) {
	request.Member(in, "email", &u.Email, request.EmailAddress)
	request.Member(in, "name", &u.Name, request.Line(200))
	request.Member(in, "role", &u.Role, request.OneOf(models.RoleAdmin, models.RoleMember))
}

// UserTaken turns a duplicate e-mail address into an error for the client.
func UserTaken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return problem.Conflict("A user has this e-mail address already.")
	}
	return err
}

// CreateUser stores a new user, a member unless the body says otherwise, and invites
// them. It is for admins, who repeat their own password.
func (a *Accounts) CreateUser(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	made, err := a.AddUser(tx, web.From(c), Current(c), in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/users/%d", made.User.ID), invitedJSON{ViewUser(made.User), invitationJSON{made.URL, made.ExpiresAt}})
	return nil
}

// AddUser stores a new user, a member unless the input says otherwise, and invites
// them. It is for admins, and works below Accounts.Confirm.
func (a *Accounts) AddUser(tx *gorm.DB, t *tenants.Tenant, who *Identity, in *request.Input) (Invitation, error) {
	user := models.User{Role: models.RoleMember}
	if err := who.Confirm(in); err != nil {
		return Invitation{}, err
	}
	in.Require("email", "name")
	FillUser(in, &user)
	if err := in.Done(); err != nil {
		return Invitation{}, err
	}
	if err := who.Confirmed(tx); err != nil {
		return Invitation{}, err
	}
	if err := tx.Create(&user).Error; err != nil {
		return Invitation{}, UserTaken(err)
	}
	if err := RecordCreated(tx, who, UserSubject(user)); err != nil {
		return Invitation{}, err
	}
	return a.inviteByMail(tx, t, user)
}
