package account

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"net/url"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// confirmation is the result of checking the password that a request repeats.
type confirmation struct {
	proof *proof
	err   error
}

// Confirm checks the current user's password, which the body holds as its member or
// field "password". Each route that gives access requires it, because a stolen
// session or API token must not become lasting access. It goes below Present and
// web.Buffered and above web.Scoped, because hashing must hold no transaction. The
// operation below it reports the result.
func (a *Accounts) Confirm() gin.HandlerFunc {
	return func(c *gin.Context) {
		original := c.Request
		ctx, cancel := context.WithTimeout(original.Context(), accountTimeout)
		defer cancel()
		c.Request = original.WithContext(ctx)
		err := a.readConfirmation(c)
		original.Body = c.Request.Body
		c.Request = original
		if err != nil {
			problem.Fail(c, err)
		}
	}
}

// readConfirmation identifies the user before it reads the body. An API token can't
// confirm.
func (a *Accounts) readConfirmation(c *gin.Context) error {
	if err := a.Identify(c); err != nil {
		return err
	}
	who := Current(c)
	if who.Kind != models.KindSession {
		return nil
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return web.BodyError(err)
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	if password := passwordIn(body, c.ContentType()); password != "" {
		p, err := a.proveAgain(c.Request.Context(), web.From(c), request.ClientAddress(c), who, password)
		who.confirmed = &confirmation{p, err}
	}
	return nil
}

// passwordIn returns the password in a body, or "" if there is none. Other faults of
// the body are reported by the operation that reads it.
func passwordIn(body []byte, mediaType string) string {
	if mediaType == "application/x-www-form-urlencoded" {
		posted, _ := url.ParseQuery(string(body))
		return posted.Get("password")
	}
	var password string
	if in, err := request.ParseInput(body); err == nil {
		request.Member(in, "password", &password, nil)
	}
	return password
}

// proveAgain checks the current user's password. A correct password clears the
// counted tries, as at sign-in.
func (a *Accounts) proveAgain(ctx context.Context, t *tenants.Tenant, client netip.Addr, who *Identity, password string) (*proof, error) {
	p, err := a.prove(ctx, t, client, who.Email, password)
	if err != nil {
		return nil, err
	}
	return p, a.inTenant(ctx, t, p.try.forget)
}

// Confirm takes the password out of the input, and reports a missing or wrong
// password as a fault. It rejects API tokens. It works below Accounts.Confirm only.
func (who *Identity) Confirm(in *request.Input) error {
	if err := who.ByPerson(); err != nil {
		return err
	}
	in.Take("password")
	switch {
	case who.confirmed == nil:
		in.Add("password", "is required: give your own password again")
	case errors.Is(who.confirmed.err, problem.ErrWrongPassword):
		in.Add("password", "is wrong")
	default:
		return who.confirmed.err
	}
	return nil
}

// Confirmed checks, in the scope that makes the change, that the password accepted
// by Confirm is still the user's.
func (who *Identity) Confirmed(tx *gorm.DB) error {
	user, same := who.confirmed.proof.user, int64(0)
	err := tx.Model(&models.User{}).Where("id = ? AND password_hash = ?", user.ID, *user.PasswordHash).Count(&same).Error
	if err == nil && same != 1 {
		err = problem.ErrUnauthenticated
	}
	return err
}
