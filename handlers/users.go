package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/web"
)

// userJSON is how a user is shown.
type userJSON struct {
	ID    int64       `json:"id"`
	Email string      `json:"email"`
	Name  string      `json:"name"`
	Role  models.Role `json:"role"`
}

func viewUser(u models.User) userJSON {
	return userJSON{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role}
}

func userKeys(u models.User) []int64 { return []int64{u.ID} }

func userSubject(u models.User) subject { return subject{"user", u.ID, u.Name} }

// fillUser takes a user's members out of the body.
func fillUser(in *request.Input, u *models.User) {
	request.Member(in, "email", &u.Email, request.EmailAddress)
	request.Member(in, "name", &u.Name, request.Line(200))
	request.Member(in, "role", &u.Role, request.OneOf(models.RoleAdmin, models.RoleMember))
}

// userTaken gives a duplicate e-mail address its words.
func userTaken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return problem.Conflict("A user has this e-mail address already.")
	}
	return err
}

// ListUsers lists users by id.
func ListUsers(c *gin.Context, tx *gorm.DB) error {
	found, err := FindUsers(c, tx)
	return request.WriteList(c, found, err, viewUser)
}

// FindUsers finds the page of users that the query asks for.
func FindUsers(c *gin.Context, tx *gorm.DB) (request.Found[models.User], error) {
	var bad request.Faults
	page := request.ReadPage(c, &bad, "users", request.Order{Columns: []string{"id"}})
	if err := bad.Err(); err != nil {
		return request.Found[models.User]{}, err
	}
	return request.FindPage(tx, page, userKeys)
}

// CreateUser stores a new user, a member unless the body says otherwise, and
// invites them. For admins, who give their own password again.
func (a *Accounts) CreateUser(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	made, err := a.AddUser(c, tx, in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/users/%d", made.User.ID), invitedJSON{viewUser(made.User), invitationJSON{made.URL, made.ExpiresAt}})
	return nil
}

// AddUser stores a new user, a member unless the input says otherwise, and
// invites them. For admins. It works below Confirm.
func (a *Accounts) AddUser(c *gin.Context, tx *gorm.DB, in *request.Input) (Invitation, error) {
	user := models.User{Role: models.RoleMember}
	if err := confirm(c, in); err != nil {
		return Invitation{}, err
	}
	in.Require("email", "name")
	fillUser(in, &user)
	if err := in.Done(); err != nil {
		return Invitation{}, err
	}
	if err := confirmed(c, tx); err != nil {
		return Invitation{}, err
	}
	if err := tx.Create(&user).Error; err != nil {
		return Invitation{}, userTaken(err)
	}
	if err := recordCreated(c, tx, userSubject(user)); err != nil {
		return Invitation{}, err
	}
	return a.invite(tx, web.From(c), user)
}

// GetUser shows a user.
func GetUser(c *gin.Context, tx *gorm.DB) error {
	user, err := request.TakeRow[models.User](c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewUser(user))
	return nil
}

// UpdateUser changes the members of a user that the body names, as ChangeUser
// does.
func UpdateUser(c *gin.Context, tx *gorm.DB) error {
	id, err := request.PathID(c)
	if err != nil {
		return err
	}
	if err := mayChange(c, id); err != nil {
		return err
	}
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	user, err := ChangeUser(c, tx, in, id)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewUser(user))
	return nil
}

// ChangeUser changes what the input names of the user with the id. People
// change their own name and address; admins change all, and roles. Another role
// ends the user's other sessions; another address also ends their invitations,
// which went to the old one. Either asks for the password of the person who
// asks, and works below Confirm.
func ChangeUser(c *gin.Context, tx *gorm.DB, in *request.Input, id int64) (models.User, error) {
	if err := mayChange(c, id); err != nil {
		return models.User{}, err
	}
	user, err := fillChanged(c, tx, in, id)
	if err != nil {
		return user, err
	}
	if err := save(c, tx, in.Changed, &user, userSubject(user), ""); err != nil {
		return user, userTaken(err)
	}
	return user, revokeChanged(c, tx, in.Changed, user.ID)
}

// fillChanged reads the user, locks them and fills in what the input says.
func fillChanged(c *gin.Context, tx *gorm.DB, in *request.Input, id int64) (models.User, error) {
	var user models.User
	var admins []int64
	if in.Has("role") {
		var err error
		if admins, err = lockAdmins(tx, id); err != nil {
			return user, err
		}
	}
	if err := locked(tx).Take(&user, id).Error; err != nil {
		return user, err
	}
	fillUser(in, &user)
	if err := mayLetIn(c, tx, in); err != nil || !slices.Contains(in.Changed, "role") {
		return user, err
	}
	return user, anotherAdmin(admins, user.ID)
}

// mayLetIn checks the input of a change, which asks for a password where it
// changes who gets in.
func mayLetIn(c *gin.Context, tx *gorm.DB, in *request.Input) error {
	role, email := slices.Contains(in.Changed, "role"), slices.Contains(in.Changed, "email")
	switch {
	case !role && !email:
		in.Take("password")
		return in.Done()
	case role && !isAdmin(c):
		return problem.ErrForbidden
	}
	if err := confirm(c, in); err != nil {
		return err
	}
	if err := in.Done(); err != nil {
		return err
	}
	return confirmed(c, tx)
}

// revokeChanged ends what another role or address puts an end to.
func revokeChanged(c *gin.Context, tx *gorm.DB, changed []string, userID int64) error {
	var kinds []models.CredentialKind
	if slices.Contains(changed, "role") {
		kinds = []models.CredentialKind{models.KindSession}
	}
	if slices.Contains(changed, "email") {
		kinds = []models.CredentialKind{models.KindSession, models.KindInvitation}
	}
	if kinds == nil {
		return nil
	}
	return revoke(tx, userID, current(c).CredentialID, kinds...)
}

// DeleteUser removes a user, as RemoveUser does.
func DeleteUser(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveUser(c, tx))
}

// RemoveUser removes the user of the path with their sessions and API tokens.
// Their tasks stay, unassigned. Only admins may do this, in a session.
func RemoveUser(c *gin.Context, tx *gorm.DB) error {
	if err := byPerson(c); err != nil {
		return err
	}
	id, err := request.PathID(c)
	if err != nil {
		return err
	}
	admins, err := lockAdmins(tx, id)
	if err != nil {
		return err
	}
	user, err := request.TakeRow[models.User](c, locked(tx))
	if err != nil {
		return err
	}
	if err := anotherAdmin(admins, user.ID); err != nil {
		return err
	}
	if err := recordDeleted(c, tx, userSubject(user)); err != nil {
		return err
	}
	return tx.Delete(&user).Error
}
