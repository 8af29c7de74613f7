package handlers

import (
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
	found, err := FindUsers(tx, request.ReadQuery(c))
	return request.WriteList(c, found, err, account.ViewUser)
}

// FindUsers finds the page of users that the query asks for.
func FindUsers(tx *gorm.DB, q *request.Query) (request.Found[models.User], error) {
	return request.FindPage(tx, q, q.Page("users", request.Order{Columns: []string{"id"}}), userKeys)
}

// GetUser shows a user.
func GetUser(c *gin.Context, tx *gorm.DB) error {
	user, err := request.Take[models.User](tx, request.PathID(c))
	return request.WriteRow(c, user, err, account.ViewUser)
}

// UpdateUser changes the members of a user that the body names, as ChangeUser
// does.
func UpdateUser(c *gin.Context, tx *gorm.DB) error {
	who, id := account.Current(c), request.PathID(c)
	if err := who.MayChange(id); err != nil {
		return err
	}
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	user, err := ChangeUser(tx, who, id, in)
	return request.WriteRow(c, user, err, account.ViewUser)
}

// ChangeUser changes what the input names of the user with the id. Users change their
// own name and address; admins change all, and roles. Another role ends the changed
// user's other sessions; another address also ends their invitations, which went to
// the old one. Either requires the password of the user who asks, and works below
// Accounts.Confirm.
func ChangeUser(tx *gorm.DB, who *account.Identity, id int64, in *request.Input) (models.User, error) {
	if err := who.MayChange(id); err != nil {
		return models.User{}, err
	}
	user, err := fillChanged(tx, who, id, in)
	if err != nil {
		return user, err
	}
	if err := account.Save(tx, who, in.Changed, &user, account.UserSubject(user), ""); err != nil {
		return user, account.UserTaken(err)
	}
	return user, revokeChanged(tx, who, in.Changed, user.ID)
}

// fillChanged reads the user, locks them and fills in what the input says.
func fillChanged(tx *gorm.DB, who *account.Identity, id int64, in *request.Input) (models.User, error) {
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
	if err := mayLetIn(tx, who, in); err != nil || !slices.Contains(in.Changed, "role") {
		return user, err
	}
	return user, account.AnotherAdmin(admins, user.ID)
}

// mayLetIn checks the input of a change, which asks for a password where it
// changes who gets in.
func mayLetIn(tx *gorm.DB, who *account.Identity, in *request.Input) error {
	role, email := slices.Contains(in.Changed, "role"), slices.Contains(in.Changed, "email")
	switch {
	case !role && !email:
		in.Take("password")
		return in.Done()
	case role && !who.IsAdmin():
		return problem.ErrForbidden
	}
	if err := who.Confirm(in); err != nil {
		return err
	}
	if err := in.Done(); err != nil {
		return err
	}
	return who.Confirmed(tx)
}

// revokeChanged ends what another role or address puts an end to.
func revokeChanged(tx *gorm.DB, who *account.Identity, changed []string, userID int64) error {
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
	return account.Revoke(tx, userID, who.CredentialID, kinds...)
}

// DeleteUser removes a user, as RemoveUser does.
func DeleteUser(c *gin.Context, tx *gorm.DB) error {
	_, err := RemoveUser(tx, account.Current(c), request.PathID(c))
	return request.WriteNoContent(c, err)
}

// RemoveUser removes a user with their sessions and API tokens, and returns them.
// Their tasks stay, unassigned. It is for admins, in a session.
func RemoveUser(tx *gorm.DB, who *account.Identity, id int64) (user models.User, err error) {
	if err := who.ByPerson(); err != nil {
		return user, err
	}
	admins, err := account.LockAdmins(tx, id)
	if err != nil {
		return user, err
	}
	if user, err = request.Take[models.User](models.Locked(tx), id); err != nil {
		return user, err
	}
	if err := account.AnotherAdmin(admins, user.ID); err != nil {
		return user, err
	}
	if err := account.RecordDeleted(tx, who, account.UserSubject(user)); err != nil {
		return user, err
	}
	return user, tx.Delete(&user).Error
}
