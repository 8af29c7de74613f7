package account

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// Session is a session that has just begun. Its text can't be read again.
type Session struct {
	Token     string
	ExpiresAt time.Time
	User      models.User
}

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
	a.answerSession(c, func(in *request.Input) (Session, error) {
		return a.Enter(c.Request.Context(), web.From(c), request.ClientAddress(c), in)
	})
}

// answerSession answers with the session that begins with what the body holds, as a
// token and as a cookie.
func (a *Accounts) answerSession(c *gin.Context, begin func(in *request.Input) (Session, error)) {
	Unscoped(c, func(c *gin.Context) error {
		in, err := request.ReadInput(c)
		if err != nil {
			return err
		}
		begun, err := begin(in)
		if err != nil {
			return err
		}
		a.SetCookie(c, begun)
		c.JSON(http.StatusCreated, newSessionJSON{begun.Token, begun.ExpiresAt, ViewUser(begun.User)})
		return nil
	})
}

// Enter checks an account's password, which the client at the address gives, and
// begins a session. It works outside of scopes.
func (a *Accounts) Enter(ctx context.Context, t *tenants.Tenant, client netip.Addr, in *request.Input) (begun Session, err error) {
	var email, password string
	in.Require("email", "password")
	request.Member(in, "email", &email, request.EmailAddress)
	request.Member(in, "password", &password, nil)
	if err := in.Done(); err != nil {
		return begun, err
	}
	p, err := a.prove(ctx, t, client, email, password)
	if err != nil {
		return begun, err
	}
	err = a.inTenant(ctx, t, func(tx *gorm.DB) error {
		if err := p.settle(tx); err != nil {
			return err
		}
		begun, err = a.beginSession(tx, t, p.user)
		return err
	})
	return begun, err
}

// beginSession stores a session of the user, whose row is locked. If the user has
// too many sessions, the oldest ends.
func (a *Accounts) beginSession(tx *gorm.DB, t *tenants.Tenant, user models.User) (Session, error) {
	row := models.Credential{UserID: user.ID, Kind: models.KindSession}
	text, err := a.mint(tx, t, auth.KindSession, &row, sessionLife)
	if err != nil {
		return Session{}, err
	}
	older := tx.Model(&models.Credential{}).Select("id").Where("user_id = ? AND kind = ?", user.ID, models.KindSession).
		Order("id DESC").Offset(maxCredentials).Limit(maxCredentials)
	err = tx.Where("id IN (?)", older).Delete(&models.Credential{}).Error
	return Session{text, row.ExpiresAt, user}, err
}

// SetCookie gives the client the session's cookie.
func (a *Accounts) SetCookie(c *gin.Context, s Session) {
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

// ClearCookie takes the session's cookie from the client.
func (a *Accounts) ClearCookie(c *gin.Context) {
	cookie := a.cookie(c, "")
	cookie.MaxAge = -1
	http.SetCookie(c.Writer, cookie)
}

// SignOut ends the request's session and clears its cookie.
func (a *Accounts) SignOut(c *gin.Context, tx *gorm.DB) error {
	if err := Leave(tx, Current(c)); err != nil {
		return err
	}
	a.ClearCookie(c)
	return request.WriteNoContent(c, nil)
}

// Leave ends the session with which the user asks.
func Leave(tx *gorm.DB, who *Identity) error {
	if who.Kind != models.KindSession {
		return problem.Conflict("The request carries an API token and no session. API tokens are deleted at /api/tokens.")
	}
	return deleteCredential(tx, who.CredentialID)
}

// ListSessions lists sessions by id, with the same filter as ListTokens.
func (a *Accounts) ListSessions(c *gin.Context, tx *gorm.DB) error {
	mine := Current(c).CredentialID
	found, err := a.FindCredentials(tx, Current(c), models.KindSession, request.ReadQuery(c))
	return request.WriteList(c, found, err, func(row models.Credential) sessionJSON {
		return sessionJSON{
			ID: row.ID, UserID: row.UserID, Current: row.ID == mine,
			CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), LastUsedAt: inUTC(row.LastUsedAt),
		}
	})
}

// DeleteSession ends one of the current user's sessions, or for admins anyone's.
func (a *Accounts) DeleteSession(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveSession(tx, Current(c), request.PathID(c)))
}

// RemoveSession ends the session with the id, which must belong to the user who asks
// unless they are an admin. API tokens can't end sessions.
func RemoveSession(tx *gorm.DB, who *Identity, id int64) error {
	if err := who.ByPerson(); err != nil {
		return err
	}
	row, err := takeCredential(tx, who, models.KindSession, id)
	if err != nil {
		return err
	}
	return deleteCredential(tx, row.ID)
}
