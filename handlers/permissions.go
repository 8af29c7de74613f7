package handlers

import (
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/models"
)

// AdminsOnly lets admins through. It goes below Authenticate.
func AdminsOnly(c *gin.Context) {
	if !isAdmin(c) {
		fail(c, errForbidden)
	}
}

func isAdmin(c *gin.Context) bool { return current(c).Role == models.RoleAdmin }

// mayChange says whether the user of the request may change the user with the
// id: people change themselves, admins change all.
func mayChange(c *gin.Context, userID int64) error {
	if isAdmin(c) || current(c).UserID == userID {
		return nil
	}
	return errForbidden
}

// lockAdmins keeps the admins from changing until the scope ends, and returns
// their ids. It comes before any other lock on users, or two scopes could wait
// for each other.
func lockAdmins(tx *gorm.DB) ([]int64, error) {
	var ids []int64
	err := locked(tx).Model(&models.User{}).Where("role = ?", models.RoleAdmin).Order("id").Pluck("id", &ids).Error
	return ids, err
}

// anotherAdmin refuses to go on without the user when they are the only admin.
func anotherAdmin(admins []int64, userID int64) error {
	if slices.Equal(admins, []int64{userID}) {
		return conflict("This is the last admin. Make somebody else an admin first.")
	}
	return nil
}
