package account

import (
	"slices"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/models"
)

// AdminsOnly rejects users who are not admins. It goes below Authenticate.
func AdminsOnly(c *gin.Context) {
	if !IsAdmin(c) {
		problem.Fail(c, problem.ErrForbidden)
	}
}

// IsAdmin reports whether the current user is an admin.
func IsAdmin(c *gin.Context) bool { return Current(c).Role == models.RoleAdmin }

// MayChange returns an error unless the current user may change the user with the
// id: users may change themselves, and admins may change everyone.
func MayChange(c *gin.Context, userID int64) error {
	if IsAdmin(c) || Current(c).UserID == userID {
		return nil
	}
	return problem.ErrForbidden
}

// LockAdmins locks the admins and the user with the id until the scope ends, and
// returns the admins' ids. It locks all of them at once in the order of their ids, to
// prevent a deadlock: a scope that locked the user after the admins could wait for one
// that began while the user was an admin, and so locked the user earlier. For the same
// reason it must precede any other lock on users.
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

// AnotherAdmin returns an error if the user is the only admin.
func AnotherAdmin(admins []int64, userID int64) error {
	if slices.Equal(admins, []int64{userID}) {
		return problem.Conflict("This is the last admin. Make somebody else an admin first.")
	}
	return nil
}
