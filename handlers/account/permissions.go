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
	if !Current(c).IsAdmin() {
		problem.Fail(c, problem.ErrForbidden)
	}
}

// PeopleOnly rejects API tokens. It goes below Authenticate.
func PeopleOnly(c *gin.Context) {
	if err := Current(c).ByPerson(); err != nil {
		problem.Fail(c, err)
	}
}

// errNoPerson is returned if an API token is used for an action that only people may
// take.
var errNoPerson = problem.New(problem.ErrForbidden, "An API token can't do this: it changes who gets in. Sign in, and do it in a session.")

// ByPerson returns an error if the user sent an API token, or is an operator.
func (who *Identity) ByPerson() error {
	if who.Visit != nil {
		return errOutOfReach
	}
	if who.Kind != models.KindSession {
		return errNoPerson
	}
	return nil
}

// IsAdmin reports whether the user is an admin.
func (who *Identity) IsAdmin() bool { return who.Role == models.RoleAdmin }

// MayChange returns an error unless the user may change the user with the id: users
// may change themselves, and admins may change everyone.
func (who *Identity) MayChange(userID int64) error {
	if who.IsAdmin() || who.UserID == userID {
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
