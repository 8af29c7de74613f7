package account

import (
	"context"
	"database/sql"
	"errors"
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

// Identity is the user who sent a request and the credential they used: operations
// take it to know who asks. It contains no models, so reading it loads no relations.
type Identity struct {
	CredentialID int64
	Kind         models.CredentialKind
	LastUsedAt   *time.Time
	UserID       int64
	Email        string
	Name         string
	Role         models.Role
	// Visit is that of an operator who is here as the user, or nil.
	Visit *tenants.Visit

	confirmed *confirmation // nil unless Accounts.Confirm found a password
}

type signedInKey struct{}

// Known returns the identity of the request's sender, and whether it is known: it
// isn't on open routes and in errors.
func Known(c *gin.Context) (*Identity, bool) {
	value, _ := c.Get(signedInKey{})
	who, ok := value.(*Identity)
	return who, ok
}

// Current returns the identity of the request's sender. It panics on a route without
// Authenticate, which is a bug.
func Current(c *gin.Context) *Identity { return c.MustGet(signedInKey{}).(*Identity) }

// User returns the user with only the fields that Identity holds.
func (who *Identity) User() models.User {
	return models.User{ID: who.UserID, Email: who.Email, Name: who.Name, Role: who.Role}
}

// Present rejects requests that carry no credential, several, or one that can't be
// this tenant's, before a scope begins, and those that a visit doesn't allow. If the request has a body, the credential
// must be valid, or have been valid a minute ago, before the body is read: strangers
// use neither memory nor the tenant's writer. Present goes above web.Scoped.
// Authenticate, which makes the final decision, goes below it.
func (a *Accounts) Present() gin.HandlerFunc {
	return func(c *gin.Context) {
		visit, err := a.visitOf(c)
		if visit != nil {
			err = admit(c, visit)
		}
		if visit != nil || err != nil {
			if err != nil {
				problem.Fail(c, err)
			}
			return
		}
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

// presented returns the request's credential, or ErrUnauthenticated.
func (a *Accounts) presented(c *gin.Context) (auth.Presented, error) {
	if value, ok := c.Get(presentedKey{}); ok {
		return value.(auth.Presented), nil
	}
	presented, err := auth.FromHeader(web.From(c).ID, c.Request.Header, auth.CookieName(a.tls(c)))
	if err != nil {
		return presented, problem.ErrUnauthenticated
	}
	c.Set(presentedKey{}, presented)
	return presented, nil
}

// Authenticate accepts requests that carry a valid session or API token of their
// tenant. It works below web.Scoped only, and costs one query.
func (a *Accounts) Authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		tx := web.Tx(c)
		who, err := a.authenticate(c, tx)
		if err != nil {
			problem.Fail(c, err)
			return
		}
		if earlier, ok := Known(c); ok { // by Confirm
			who.confirmed = earlier.confirmed
		}
		c.Set(signedInKey{}, who)
		a.noteUse(c, tx, who)
	}
}

// bearerSQL finds a credential by its digest, which is unique.
const bearerSQL = `SELECT credentials.id, credentials.kind, credentials.last_used_at, users.id, users.email, users.name, users.role
FROM credentials JOIN users ON users.id = credentials.user_id
WHERE credentials.digest = ? AND credentials.kind = ? AND credentials.expires_at > ?`

// authenticate identifies the request's sender. Returns ErrUnauthenticated for every
// kind of invalid credential.
func (a *Accounts) authenticate(c *gin.Context, tx *gorm.DB) (*Identity, error) {
	if visit, err := a.visitOf(c); visit != nil || err != nil {
		return a.visiting(c, tx, visit, err)
	}
	presented, err := a.presented(c)
	if err != nil {
		return nil, err
	}
	kind := models.KindSession
	if presented.Kind == auth.KindToken {
		kind = models.KindToken
	}
	var who Identity
	// Scanned by position, without reflection: every signed-in request does this.
	err = tx.Raw(bearerSQL, presented.Digest, kind, a.now()).Row().
		Scan(&who.CredentialID, &who.Kind, &who.LastUsedAt, &who.UserID, &who.Email, &who.Name, &who.Role)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, problem.ErrUnauthenticated
	case err != nil:
		return nil, err
	}
	a.recent.add(presented.Digest, a.now())
	return &who, nil
}

const (
	// useGrain is the precision of last_used_at: a write for every read would cost
	// more than the read.
	useGrain = 5 * time.Minute
	// useTimeout limits how long recording the use may delay a request.
	useTimeout = 2 * time.Second
)

// noteUse records the credential's last use after the scope ends, unless that was
// done recently. Failures are only logged.
func (a *Accounts) noteUse(c *gin.Context, tx *gorm.DB, who *Identity) {
	if note := a.noteOf(web.From(c), who); note != nil {
		tenants.AfterCommit(tx, note)
	}
}

// noteOf returns what records the credential's last use, or nil if that was done
// recently, or if there is none.
func (a *Accounts) noteOf(t *tenants.Tenant, who *Identity) func(ctx context.Context) {
	now := a.now()
	stale := now.Add(-useGrain)
	if who.Visit != nil || who.LastUsedAt != nil && who.LastUsedAt.After(stale) {
		return nil
	}
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, useTimeout)
		defer cancel()
		err := a.store.Update(ctx, t, func(tx *gorm.DB) error {
			return tx.Model(&models.Credential{}).Where("id = ? AND (last_used_at IS NULL OR last_used_at <= ?)", who.CredentialID, stale).
				Update("last_used_at", now).Error
		})
		if err != nil {
			a.log.WarnContext(ctx, "note use of a credential", "tenant", t.Subdomain, "credential", who.CredentialID, "error", err)
		}
	}
}

// Identified is Authenticate for routes without scope. The use is recorded after the
// reply is sent, even if the client has left by then.
func (a *Accounts) Identified() gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := a.Identify(c); err != nil {
			problem.Fail(c, err)
			return
		}
		note := a.noteOf(web.From(c), Current(c))
		c.Next()
		if note == nil || len(c.Errors) > 0 {
			return
		}
		c.Writer.Flush()
		note(context.WithoutCancel(c.Request.Context()))
	}
}

// GetMe shows the current user.
func GetMe(c *gin.Context, _ *gorm.DB) error {
	c.JSON(200, ViewUser(Current(c).User()))
	return nil
}
