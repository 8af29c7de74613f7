package account

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// Identity is who sent a request, and with which credential. It is not made of
// models, so that reading it touches no relations.
type Identity struct {
	CredentialID int64
	Kind         models.CredentialKind
	LastUsedAt   *time.Time
	UserID       int64
	Email        string
	Name         string
	Role         models.Role
}

type signedInKey struct{}

// whoSent is who sent the request, and whether that is known.
func whoSent(c *gin.Context) (*Identity, bool) {
	value, _ := c.Get(signedInKey{})
	who, ok := value.(*Identity)
	return who, ok
}

// Current is who sent the request. It panics on a route without Authenticate,
// which is a fault of the program.
func Current(c *gin.Context) *Identity { return c.MustGet(signedInKey{}).(*Identity) }

// currentUser is the user who sent the request, without what only the database
// knows. It panics as current does.
func currentUser(c *gin.Context) models.User {
	who := Current(c)
	return models.User{ID: who.UserID, Email: who.Email, Name: who.Name, Role: who.Role}
}

// CurrentUser is the user who sent the request, without what only the database
// knows. It is false on routes and in errors where that isn't known.
func CurrentUser(c *gin.Context) (models.User, bool) {
	if _, ok := whoSent(c); !ok {
		return models.User{}, false
	}
	return currentUser(c), true
}

// CurrentCredential is the id of the credential that the request carries. It
// works below Authenticate only.
func CurrentCredential(c *gin.Context) int64 { return Current(c).CredentialID }

// Present turns away requests that carry no credential which could be one of
// this tenant, or more than one, before a scope begins. Of a request with a body
// the credential must be valid, or have been so a minute ago, before its body is
// read: strangers take neither memory nor the tenant's writer. It goes above
// web.Scoped, and Authenticate, whose word is final, below it.
func (a *Accounts) Present() gin.HandlerFunc {
	return func(c *gin.Context) {
		presented, err := a.presented(c)
		if err == nil && hasBody(c.Request) && !a.recent.has(presented.Digest, a.now()) {
			err = a.Identify(c)
		}
		if err != nil {
			problem.Fail(c, err)
		}
	}
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

type presentedKey struct{}

// presented is the credential of the request, or ErrUnauthenticated.
func (a *Accounts) presented(c *gin.Context) (auth.Presented, error) {
	if value, ok := c.Get(presentedKey{}); ok {
		return value.(auth.Presented), nil
	}
	presented, err := auth.FromHeader(tenantID(c), c.Request.Header, auth.CookieName(a.tls(c)))
	if err != nil {
		return presented, problem.ErrUnauthenticated
	}
	c.Set(presentedKey{}, presented)
	return presented, nil
}

// Authenticate lets requests through that carry a valid session or API token
// of their tenant. It works under web.Scoped only, and costs one query.
func (a *Accounts) Authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		tx := web.Tx(c)
		who, err := a.authenticate(c, tx)
		if err != nil {
			problem.Fail(c, err)
			return
		}
		c.Set(signedInKey{}, who)
		a.noteUse(c, tx, who)
	}
}

// bearerSQL finds a credential by its digest, which is unique.
const bearerSQL = `SELECT credentials.id AS credential_id, credentials.kind, credentials.last_used_at,
	users.id AS user_id, users.email, users.name, users.role
FROM credentials JOIN users ON users.id = credentials.user_id
WHERE credentials.digest = ? AND credentials.kind = ? AND credentials.expires_at > ?`

// authenticate finds who sent the request. Whatever is wrong with the
// credential, the error is the same: ErrUnauthenticated.
func (a *Accounts) authenticate(c *gin.Context, tx *gorm.DB) (*Identity, error) {
	presented, err := a.presented(c)
	if err != nil {
		return nil, err
	}
	kind := models.KindSession
	if presented.Kind == auth.KindToken {
		kind = models.KindToken
	}
	var who Identity
	found := tx.Raw(bearerSQL, presented.Digest, kind, a.now()).Scan(&who)
	switch {
	case found.Error != nil:
		return nil, found.Error
	case found.RowsAffected == 0:
		return nil, problem.ErrUnauthenticated
	}
	a.recent.add(presented.Digest, a.now())
	return &who, nil
}

const (
	// useGrain is how exact last_used_at is: a write for every read would cost
	// more than the read.
	useGrain = 5 * time.Minute
	// useTimeout bounds what noting the use may add to a request.
	useTimeout = 2 * time.Second
)

// noteUse writes the credential's last use down once the scope is over, if that
// wasn't done lately. That it could not be done is only logged.
func (a *Accounts) noteUse(c *gin.Context, tx *gorm.DB, who *Identity) {
	now, t := a.now(), web.From(c)
	stale := now.Add(-useGrain)
	if who.LastUsedAt != nil && who.LastUsedAt.After(stale) {
		return
	}
	tenants.AfterCommit(tx, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, useTimeout)
		defer cancel()
		err := a.store.Update(ctx, t, func(tx *gorm.DB) error {
			return tx.Model(&models.Credential{}).Where("id = ? AND (last_used_at IS NULL OR last_used_at <= ?)", who.CredentialID, stale).
				Update("last_used_at", now).Error
		})
		if err != nil {
			a.log.WarnContext(ctx, "note use of a credential", "tenant", t.Subdomain, "credential", who.CredentialID, "error", err)
		}
	})
}

// GetMe shows the user who asks.
func GetMe(c *gin.Context, _ *gorm.DB) error {
	c.JSON(200, ViewUser(currentUser(c)))
	return nil
}
