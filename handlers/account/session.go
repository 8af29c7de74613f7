package account

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
)

// newSessionJSON is the response to a sign-in.
type newSessionJSON struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	User      userJSON  `json:"user"`
}

// sessionJSON is the representation of a session.
type sessionJSON struct {
	ID         int64      `json:"id"`
	UserID     int64      `json:"user_id"`
	Current    bool       `json:"current"` // that of the request
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// SignIn checks an account's password and begins a session of 14 days. It works
// outside of scopes, below CrossOrigin.
func (a *Accounts) SignIn(c *gin.Context) {
	Unscoped(c, func(c *gin.Context) error {
		in, err := request.ReadInput(c)
		if err != nil {
			return err
		}
		begun, err := a.begin(c, in)
		if err == nil {
			a.answerSession(c, begun)
		}
		return err
	})
}

// Enter begins a session like SignIn, but returns it as a cookie only. It works in
// Unscoped.
func (a *Accounts) Enter(c *gin.Context, in *request.Input) error {
	begun, err := a.begin(c, in)
	if err == nil {
		a.setCookie(c, begun)
	}
	return err
}

// begin checks the password and stores a session.
func (a *Accounts) begin(c *gin.Context, in *request.Input) (begun newSessionJSON, err error) {
	var email, password string
	in.Require("email", "password")
	request.Member(in, "email", &email, request.EmailAddress)
	request.Member(in, "password", &password, nil)
	if err := in.Done(); err != nil {
		return begun, err
	}
	p, err := a.prove(c, email, password)
	if err != nil {
		return begun, err
	}
	err = a.inTenant(c, func(tx *gorm.DB) error {
		if err := p.settle(tx); err != nil {
			return err
		}
		begun, err = a.beginSession(tx, tenantID(c), p.user)
		return err
	})
	return begun, err
}

// beginSession stores a session of the user, whose row is locked. If the user has
// too many sessions, the oldest ends.
func (a *Accounts) beginSession(tx *gorm.DB, tenantID string, user models.User) (newSessionJSON, error) {
	row := models.Credential{UserID: user.ID, Kind: models.KindSession}
	text, err := a.mint(tx, tenantID, auth.KindSession, &row, sessionLife)
	if err != nil {
		return newSessionJSON{}, err
	}
	older := tx.Model(&models.Credential{}).Select("id").Where("user_id = ? AND kind = ?", user.ID, models.KindSession).
		Order("id DESC").Offset(maxCredentials).Limit(maxCredentials)
	err = tx.Where("id IN (?)", older).Delete(&models.Credential{}).Error
	return newSessionJSON{text, row.ExpiresAt, ViewUser(user)}, err
}

// answerSession returns a stored session as a token and as a cookie.
func (a *Accounts) answerSession(c *gin.Context, s newSessionJSON) {
	a.setCookie(c, s)
	c.JSON(http.StatusCreated, s)
}

func (a *Accounts) setCookie(c *gin.Context, s newSessionJSON) {
	cookie := a.cookie(c, s.Token)
	cookie.Expires, cookie.MaxAge = s.ExpiresAt, int(sessionLife.Seconds())
	http.SetCookie(c.Writer, cookie)
}

// cookie returns the session cookie. It has no domain, so browsers send it to this
// host only. SameSite is only an additional protection, since sibling subdomains
// belong to the same site: see CrossOrigin.
func (a *Accounts) cookie(c *gin.Context, value string) *http.Cookie {
	tls := a.tls(c)
	return &http.Cookie{
		Name: auth.CookieName(tls), Value: value, Path: "/",
		HttpOnly: true, Secure: tls, SameSite: http.SameSiteLaxMode,
	}
}

// SignOut ends the request's session and clears its cookie.
func (a *Accounts) SignOut(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, a.Leave(c, tx))
}

// Leave ends the request's session and clears its cookie.
func (a *Accounts) Leave(c *gin.Context, tx *gorm.DB) error {
	who := Current(c)
	if who.Kind != models.KindSession {
		return problem.Conflict("The request carries an API token and no session. API tokens are deleted at /api/tokens.")
	}
	cookie := a.cookie(c, "")
	cookie.MaxAge = -1
	http.SetCookie(c.Writer, cookie)
	return deleteCredential(tx, who.CredentialID)
}

// ListSessions lists sessions by id, with the same filter as ListTokens.
func (a *Accounts) ListSessions(c *gin.Context, tx *gorm.DB) error {
	mine := Current(c).CredentialID
	found, err := a.FindCredentials(c, tx, models.KindSession)
	return request.WriteList(c, found, err, func(row models.Credential) sessionJSON {
		return sessionJSON{
			ID: row.ID, UserID: row.UserID, Current: row.ID == mine,
			CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), LastUsedAt: inUTC(row.LastUsedAt),
		}
	})
}

// DeleteSession ends one of the current user's sessions, or for admins anyone's.
func (a *Accounts) DeleteSession(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, a.RemoveSession(c, tx))
}

// RemoveSession ends the session in the path, which must be the current user's
// unless they are an admin. API tokens can't end sessions.
func (a *Accounts) RemoveSession(c *gin.Context, tx *gorm.DB) error {
	if err := ByPerson(c); err != nil {
		return err
	}
	row, err := takeCredential(c, tx, models.KindSession)
	if err != nil {
		return err
	}
	return deleteCredential(tx, row.ID)
}
