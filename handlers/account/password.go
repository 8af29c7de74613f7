package account

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// proof records that a user's password was given correctly. It is valid until the
// password changes.
type proof struct {
	user models.User
	try  try
	// rehashed is the password's hash with the current parameters, or "" if the
	// stored hash already has them.
	rehashed string
}

// prove checks the password of the account with the address. If the account doesn't
// exist or has no password, prove takes as long as for a wrong password and also
// returns ErrWrongPassword.
func (a *Accounts) prove(ctx context.Context, t *tenants.Tenant, client netip.Addr, email, password string) (*proof, error) {
	p := &proof{try: newTry(email, client)}
	if err := a.count(ctx, t, p.try); err != nil {
		return nil, err
	}
	err := a.store.View(ctx, t, func(tx *gorm.DB) (err error) {
		p.user, err = userAt(tx, email)
		return err
	})
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, err
	}
	return p, a.verify(ctx, p, password)
}

// userAt returns the user with the address, or gorm.ErrRecordNotFound.
func userAt(tx *gorm.DB, email string) (models.User, error) {
	var user models.User
	err := tx.Where("lower(email) = ?", auth.FoldEmail(email)).Take(&user).Error
	return user, err
}

// verify checks the password against the stored hash.
func (a *Accounts) verify(ctx context.Context, p *proof, password string) error {
	if p.user.PasswordHash == nil {
		if err := a.hasher.VerifyNobody(ctx, password); err != nil {
			return err
		}
		return problem.ErrWrongPassword
	}
	ok, outdated, err := a.hasher.Verify(ctx, *p.user.PasswordHash, password)
	switch {
	case err != nil:
		return err
	case !ok:
		return problem.ErrWrongPassword
	case outdated:
		p.rehashed, err = a.hasher.Hash(ctx, password)
	}
	if bad := (*auth.PasswordError)(nil); errors.As(err, &bad) {
		return nil // it was set under other rules, and stays
	}
	return err
}

// settle checks, in the scope that relies on the proof, that the password is still
// the user's, and locks it until the scope ends.
func (p *proof) settle(tx *gorm.DB) error {
	var user models.User
	err := models.Locked(tx).Take(&user, p.user.ID).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return problem.ErrWrongPassword
	case err != nil:
		return err
	case user.PasswordHash == nil || *user.PasswordHash != *p.user.PasswordHash:
		return problem.ErrWrongPassword
	}
	p.user = user
	if p.rehashed != "" {
		if err := setPassword(tx, &p.user, p.rehashed); err != nil {
			return err
		}
	}
	return p.try.forget(tx)
}

func setPassword(tx *gorm.DB, user *models.User, hash string) error {
	return tx.Model(user).Update("password_hash", hash).Error
}

// UpdatePassword changes the current user's password. Their other sessions, API
// tokens and invitations end. It works outside of scopes, below CrossOrigin.
func (a *Accounts) UpdatePassword(c *gin.Context) {
	Unscoped(c, func(c *gin.Context) error {
		if err := a.Identify(c); err != nil {
			return err
		}
		if err := Current(c).ByPerson(); err != nil {
			return err
		}
		in, err := request.ReadInput(c)
		if err != nil {
			return err
		}
		err = a.ChangePassword(c.Request.Context(), web.From(c), request.ClientAddress(c), Current(c), in)
		return request.WriteNoContent(c, err)
	})
}

// Identify is Authenticate for handlers that work outside of scopes. It begins its
// own scope.
func (a *Accounts) Identify(c *gin.Context) error {
	return a.store.View(c.Request.Context(), web.From(c), func(tx *gorm.DB) error {
		who, err := a.authenticate(c, tx)
		if err == nil {
			c.Set(signedInKey{}, who)
		}
		return err
	})
}

// ChangePassword changes the password of the user who asks from the client's address.
// It works outside of scopes.
func (a *Accounts) ChangePassword(ctx context.Context, t *tenants.Tenant, client netip.Addr, who *Identity, in *request.Input) error {
	if err := who.ByPerson(); err != nil {
		return err
	}
	var old, next string
	in.Require("current_password", "new_password")
	request.Member(in, "current_password", &old, nil)
	request.Member(in, "new_password", &next, newPassword)
	if err := in.Done(); err != nil {
		return err
	}
	p, err := a.prove(ctx, t, client, who.Email, old)
	if errors.Is(err, problem.ErrWrongPassword) {
		return problem.Invalid(web.Fault{Field: "current_password", Message: "is wrong"})
	}
	if err != nil {
		return err
	}
	if p.rehashed, err = a.hasher.Hash(ctx, next); err != nil {
		return err
	}
	return a.inTenant(ctx, t, func(tx *gorm.DB) error {
		if err := p.settle(tx); err != nil {
			return err
		}
		if err := Revoke(tx, who.UserID, who.CredentialID); err != nil {
			return err
		}
		return Record(tx, who, UserSubject(p.user), "password_changed", "changed their password")
	})
}

// newPassword is the rule for new passwords.
func newPassword(s string) string {
	var bad *auth.PasswordError
	if errors.As(auth.CheckPassword(s), &bad) {
		return bad.Rule
	}
	return ""
}
