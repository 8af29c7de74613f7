package account

import (
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/models"
)

// AdminsOnly lets admins through. It goes below Authenticate.
func AdminsOnly(c *gin.Context) {
	if !IsAdmin(c) {
		problem.Fail(c, problem.ErrForbidden)
	}
}

// IsAdmin reports whether the user of the request is an admin.
func IsAdmin(c *gin.Context) bool { return Current(c).Role == models.RoleAdmin }

// MayChange says whether the user of the request may change the user with the
// id: people change themselves, admins change all.
func MayChange(c *gin.Context, userID int64) error {
	if IsAdmin(c) || Current(c).UserID == userID {
		return nil
	}
	return problem.ErrForbidden
}

// LockAdmins keeps the admins, and the user with the id, from changing until
// the scope ends, and returns the admins' ids. All are locked at once and in
// the order of their ids: a scope that took the user's lock after the admins'
// could wait for one that, begun while the user was an admin, took it before.
// So it also comes before any other lock on users.
func LockAdmins(tx *gorm.DB, userID int64) ([]int64, error) {
	var found []models.User
	err := models.Locked(tx).Select("id", "role").Where("role = ? OR id = ?", models.RoleAdmin, userID).Order("id").Find(&found).Error
	var ids []int64
	for _, user := range found {
		if user.Role == models.RoleAdmin {
			ids = append(ids, user.ID)
		}
	}
	return ids, err
}

// AnotherAdmin refuses to go on without the user when they are the only admin.
func AnotherAdmin(admins []int64, userID int64) error {
	if slices.Equal(admins, []int64{userID}) {
		return problem.Conflict("This is the last admin. Make somebody else an admin first.")
	}
	return nil
}
