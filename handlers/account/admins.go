package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
)

// CheckEmail returns an *auth.EmailError if an account can't have the address.
func (a *Accounts) CheckEmail(email string) error { return auth.CheckEmail(email) }

// InviteAdmin makes the user with the address an admin of the tenant, creating the
// user if necessary, and returns a link with which they set their password. It is
// for operators and checks no permissions within the tenant.
func (a *Accounts) InviteAdmin(ctx context.Context, t *tenants.Tenant, email string) (url string, expires time.Time, err error) {
	var made Invitation
	err = a.store.Maintain(ctx, t, func(tx *gorm.DB) error {
		user, err := makeAdmin(tx, email)
		if err != nil {
			return err
		}
		made, err = a.invite(tx, t, user)
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("invite admin: %w", err)
	}
	return made.URL, made.ExpiresAt, nil
}

// SetPassword makes the user with the address an admin, like InviteAdmin, and sets
// their password. Their sessions, API tokens and invitations end. Returns
// *auth.PasswordError if the password breaks the rules.
func (a *Accounts) SetPassword(ctx context.Context, t *tenants.Tenant, email, password string) error {
	hash, err := a.hasher.Hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	err = a.store.Maintain(ctx, t, func(tx *gorm.DB) error {
		user, err := makeAdmin(tx, email)
		if err != nil {
			return err
		}
		return renewPassword(tx, &user, hash)
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// makeAdmin locks the user with the address, makes them an admin and returns them.
// The change is recorded as made by the system.
func makeAdmin(tx *gorm.DB, email string) (models.User, error) {
	if fault := request.EmailAddress(email); fault != "" {
		return models.User{}, fmt.Errorf("e-mail address %q %s", email, fault)
	}
	user, err := userAt(models.Locked(tx), email)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return createAdmin(tx, email)
	case err != nil || user.Role == models.RoleAdmin:
		return user, err
	}
	return user, promote(tx, &user)
}

func createAdmin(tx *gorm.DB, email string) (models.User, error) {
	name, _, _ := strings.Cut(email, "@")
	user := models.User{Email: email, Name: name[:min(len(name), 200)], Role: models.RoleAdmin}
	if err := tx.Create(&user).Error; err != nil {
		return user, err
	}
	return user, Record(tx, nil, UserSubject(user), "created", fmt.Sprintf("created user “%s”", user.Name))
}

// promote makes a member an admin, which ends their sessions.
func promote(tx *gorm.DB, user *models.User) error {
	if err := tx.Model(user).Update("role", models.RoleAdmin).Error; err != nil {
		return err
	}
	if err := Revoke(tx, user.ID, 0, models.KindSession); err != nil {
		return err
	}
	return Record(tx, nil, UserSubject(*user), "updated", fmt.Sprintf("changed role of user “%s”", user.Name))
}
