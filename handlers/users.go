package handlers

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/models"
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
func fillUser(in *object, u *models.User) {
	member(in, "email", &u.Email, emailAddress)
	member(in, "name", &u.Name, line(200))
	member(in, "role", &u.Role, oneOf(models.RoleAdmin, models.RoleMember))
}

// userTaken gives a duplicate e-mail address its words.
func userTaken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return conflict("A user has this e-mail address already.")
	}
	return err
}

// ListUsers lists users by id.
func ListUsers(c *gin.Context, tx *gorm.DB) error {
	var bad faults
	page := readPage(c, &bad, "users", order{columns: []string{"id"}})
	if err := bad.err(); err != nil {
		return err
	}
	var found []models.User
	if err := page.rows(tx).Find(&found).Error; err != nil {
		return err
	}
	writePage(c, page, found, viewUser, userKeys)
	return nil
}

// CreateUser stores a new user, a member unless the body says otherwise.
func CreateUser(c *gin.Context, tx *gorm.DB) error {
	in, err := readObject(c)
	if err != nil {
		return err
	}
	user := models.User{Role: models.RoleMember}
	in.require("email", "name")
	fillUser(in, &user)
	if err := in.done(); err != nil {
		return err
	}
	if err := tx.Create(&user).Error; err != nil {
		return userTaken(err)
	}
	if err := recordCreated(c, tx, userSubject(user)); err != nil {
		return err
	}
	created(c, fmt.Sprintf("/api/users/%d", user.ID), viewUser(user))
	return nil
}

// GetUser shows a user.
func GetUser(c *gin.Context, tx *gorm.DB) error {
	user, err := take[models.User](c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewUser(user))
	return nil
}

// UpdateUser changes the members of a user that the body names.
func UpdateUser(c *gin.Context, tx *gorm.DB) error {
	user, err := take[models.User](c, locked(tx))
	if err != nil {
		return err
	}
	in, err := readObject(c)
	if err != nil {
		return err
	}
	fillUser(in, &user)
	if err := in.done(); err != nil {
		return err
	}
	if err := save(c, tx, in.changed, &user, userSubject(user), ""); err != nil {
		return userTaken(err)
	}
	c.JSON(http.StatusOK, viewUser(user))
	return nil
}

// DeleteUser removes a user. Their tasks stay, assigned to nobody.
func DeleteUser(c *gin.Context, tx *gorm.DB) error {
	user, err := take[models.User](c, locked(tx))
	if err != nil {
		return err
	}
	if err := tx.Delete(&user).Error; err != nil {
		return err
	}
	if err := recordDeleted(c, tx, userSubject(user)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
