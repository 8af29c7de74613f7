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

// confirmation is what came of the password that a request gave again.
type confirmation struct {
	proof *proof
	err   error
}

type confirmationKey struct{}

// Confirm checks the password of the person who asks, which the body gives as
// its member or field "password". Each route that gives access asks for it, so
// that a stolen session or API token doesn't become access that lasts. It goes below
// Present and web.Buffered and above web.Scoped: hashing must hold no
// transaction. The operation below tells what came of it.
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

// readConfirmation finds out who asks before it reads the body. An API token
// confirms nothing.
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

// passwordIn is the password in a body, empty where there is none. What else is
// wrong with the body is told by its reader.
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

// proveAgain checks the password of the person who asks. A right one clears the
// tries that were counted, as at sign-in.
func (a *Accounts) proveAgain(c *gin.Context, who *Identity, password string) (*proof, error) {
	p, err := a.prove(c, who.Email, password)
	if err != nil {
		return nil, err
	}
	return p, a.inTenant(c, p.try.forget)
}

// errNoPerson: an API token was sent for what only people do.
var errNoPerson = problem.New(problem.ErrForbidden, "An API token can't do this: it changes who gets in. Sign in, and do it in a session.")

// ByPerson refuses API tokens.
func ByPerson(c *gin.Context) error {
	if Current(c).Kind != models.KindSession {
		return errNoPerson
	}
	return nil
}

// PeopleOnly refuses API tokens. It goes below Authenticate.
func PeopleOnly(c *gin.Context) {
	if err := ByPerson(c); err != nil {
		problem.Fail(c, err)
	}
}

// Confirm takes the password out of the input, and reports a missing or a wrong
// one as a fault. API tokens are refused. It works below Confirm.
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

// Confirmed makes sure, in the scope that acts upon it, that the password which
// confirm accepted is still the person's.
func Confirmed(c *gin.Context, tx *gorm.DB) error {
	done := c.MustGet(confirmationKey{}).(confirmation)
	var same int64
	err := tx.Model(&models.User{}).Where("id = ? AND password_hash = ?", done.proof.user.ID, *done.proof.user.PasswordHash).Count(&same).Error
	if err == nil && same != 1 {
		err = problem.ErrUnauthenticated
	}
	return err
}
