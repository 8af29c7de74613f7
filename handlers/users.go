package handlers

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
)

func userKeys(u models.User) []int64 { return []int64{u.ID} }

// ListUsers lists users by id.
func ListUsers(c *gin.Context, tx *gorm.DB) error {
	found, err := FindUsers(c, tx)
	return request.WriteList(c, found, err, account.ViewUser)
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

// GetUser shows a user.
func GetUser(c *gin.Context, tx *gorm.DB) error {
	user, err := request.TakeRow[models.User](c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, account.ViewUser(user))
	return nil
}

// UpdateUser changes the members of a user that the body names, as ChangeUser
// does.
func UpdateUser(c *gin.Context, tx *gorm.DB) error {
	id, err := request.PathID(c)
	if err != nil {
		return err
	}
	if err := account.MayChange(c, id); err != nil {
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
	c.JSON(http.StatusOK, account.ViewUser(user))
	return nil
}

// ChangeUser changes what the input names of the user with the id. People
// change their own name and address; admins change all, and roles. Another role
// ends the user's other sessions; another address also ends their invitations,
// which went to the old one. Either asks for the password of the person who
// asks, and works below Confirm.
func ChangeUser(c *gin.Context, tx *gorm.DB, in *request.Input, id int64) (models.User, error) {
	if err := account.MayChange(c, id); err != nil {
		return models.User{}, err
	}
	user, err := fillChanged(c, tx, in, id)
	if err != nil {
		return user, err
	}
	if err := account.Save(c, tx, in.Changed, &user, account.UserSubject(user), ""); err != nil {
		return user, account.UserTaken(err)
	}
	return user, revokeChanged(c, tx, in.Changed, user.ID)
}

// fillChanged reads the user, locks them and fills in what the input says.
func fillChanged(c *gin.Context, tx *gorm.DB, in *request.Input, id int64) (models.User, error) {
	var user models.User
	var admins []int64
	if in.Has("role") {
		var err error
		if admins, err = account.LockAdmins(tx, id); err != nil {
			return user, err
		}
	}
	if err := models.Locked(tx).Take(&user, id).Error; err != nil {
		return user, err
	}
	account.FillUser(in, &user)
	if err := mayLetIn(c, tx, in); err != nil || !slices.Contains(in.Changed, "role") {
		return user, err
	}
	return user, account.AnotherAdmin(admins, user.ID)
}

// mayLetIn checks the input of a change, which asks for a password where it
// changes who gets in.
func mayLetIn(c *gin.Context, tx *gorm.DB, in *request.Input) error {
	role, email := slices.Contains(in.Changed, "role"), slices.Contains(in.Changed, "email")
	switch {
	case !role && !email:
		in.Take("password")
		return in.Done()
	case role && !account.IsAdmin(c):
		return problem.ErrForbidden
	}
	if err := account.Confirm(c, in); err != nil {
		return err
	}
	if err := in.Done(); err != nil {
		return err
	}
	return account.Confirmed(c, tx)
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
	return account.Revoke(tx, userID, account.Current(c).CredentialID, kinds...)
}

// DeleteUser removes a user, as RemoveUser does.
func DeleteUser(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveUser(c, tx))
}

// RemoveUser removes the user of the path with their sessions and API tokens.
// Their tasks stay, unassigned. Only admins may do this, in a session.
func RemoveUser(c *gin.Context, tx *gorm.DB) error {
	if err := account.ByPerson(c); err != nil {
		return err
	}
	id, err := request.PathID(c)
	if err != nil {
		return err
	}
	admins, err := account.LockAdmins(tx, id)
	if err != nil {
		return err
	}
	user, err := request.TakeRow[models.User](c, models.Locked(tx))
	if err != nil {
		return err
	}
	if err := account.AnotherAdmin(admins, user.ID); err != nil {
		return err
	}
	if err := account.RecordDeleted(c, tx, account.UserSubject(user)); err != nil {
		return err
	}
	return tx.Delete(&user).Error
}
