package account

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/web"
)

// confirmation is the result of checking the password that a request repeats.
type confirmation struct {
	proof *proof
	err   error
}

type confirmationKey struct{}

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
		p, err := a.proveAgain(c, who, password)
		c.Set(confirmationKey{}, confirmation{p, err})
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
func (a *Accounts) proveAgain(c *gin.Context, who *Identity, password string) (*proof, error) {
	p, err := a.prove(c, who.Email, password)
	if err != nil {
		return nil, err
	}
	return p, a.inTenant(c, p.try.forget)
}

// errNoPerson is returned if an API token is used for an action that only people may
// take.
var errNoPerson = problem.New(problem.ErrForbidden, "An API token can't do this: it changes who gets in. Sign in, and do it in a session.")

// ByPerson returns an error if the request carries an API token.
func ByPerson(c *gin.Context) error {
	if Current(c).Kind != models.KindSession {
		return errNoPerson
	}
	return nil
}

// PeopleOnly rejects API tokens. It goes below Authenticate.
func PeopleOnly(c *gin.Context) {
	if err := ByPerson(c); err != nil {
		problem.Fail(c, err)
	}
}

// Confirm takes the password out of the input, and reports a missing or wrong
// password as a fault. It rejects API tokens. It works below Accounts.Confirm only.
func Confirm(c *gin.Context, in *request.Input) error {
	if err := ByPerson(c); err != nil {
		return err
	}
	in.Take("password")
	value, _ := c.Get(confirmationKey{})
	done, given := value.(confirmation)
	switch {
	case !given:
		in.Add("password", "is required: give your own password again")
	case errors.Is(done.err, problem.ErrWrongPassword):
		in.Add("password", "is wrong")
	default:
		return done.err
	}
	return nil
}

// Confirmed checks, in the scope that makes the change, that the password accepted
// by Confirm is still the user's.
func Confirmed(c *gin.Context, tx *gorm.DB) error {
	done := c.MustGet(confirmationKey{}).(confirmation)
	var same int64
	err := tx.Model(&models.User{}).Where("id = ? AND password_hash = ?", done.proof.user.ID, *done.proof.user.PasswordHash).Count(&same).Error
	if err == nil && same != 1 {
		err = problem.ErrUnauthenticated
	}
	return err
}
