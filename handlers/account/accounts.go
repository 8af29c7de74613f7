// Package account is about who sends a request: people sign in, are invited, and
// have sessions and API tokens.
//
//	accounts.go      what all of it needs, and scopes of its own
//	authenticate.go  whose session or API token a request carries
//	permissions.go   what that user may do
//	record.go        the activity that tells what they did
//	session.go       signing in and out, sessions
//	password.go      proves and changes passwords; attempts.go bounds the tries
//	confirm.go       asks for the password again where access is given
//	invitation.go    lets a user set their first password; user.go, new users
//	tokens.go        API tokens; credentials.go, what they share with sessions
//	recent.go        remembers what was looked up a moment ago
//	admins.go        a tenant's first admin, for operators
package account

import (
	"context"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// Options are what Accounts are made of.
type Options struct {
	// Store holds the tenants' accounts.
	Store *tenants.Store
	// Hasher hashes their passwords.
	Hasher *auth.Hasher
	// Origin is where a tenant is reached, such as https://acme.example.com. It
	// comes from the configuration: whoever sends a Host must not choose where a
	// link leads. name is a tenant's subdomain, or a host of its own with its
	// dots: tenants.Tenant.Address. For an empty one it is that of the base domain.
	Origin func(name string) string
	// Mailer tells people of their invitations; nil tells nobody, and the link
	// is passed on by whoever invited.
	Mailer Mailer
	// TLS reports whether the request came over TLS, directly or by a trusted
	// proxy; nil means directly.
	TLS func(c *gin.Context) bool
	// Log gets what no client is told; nil means slog.Default().
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Accounts lets the people of a tenant in: passwords, sessions, API tokens and
// invitations. It is safe for concurrent use.
type Accounts struct {
	store  *tenants.Store
	hasher *auth.Hasher
	origin func(name string) string
	mailer Mailer
	tls    func(c *gin.Context) bool
	log    *slog.Logger
	clock  func() time.Time
	recent recent // credentials whose bodies are worth reading
}

// Mailer tells people what they would otherwise have to be told.
type Mailer interface {
	// Invite passes an invitation on. It is called once the invitation is
	// stored, and before the reply of the request: a mailer that may be slow
	// puts it in a queue. An error is logged, and mustn't hold the URL.
	Invite(ctx context.Context, i Invitation) error
}

// Invitation is a link with which a user sets a password, once.
type Invitation struct {
	Tenant *tenants.Tenant
	User   models.User
	// URL holds the secret.
	URL       string
	ExpiresAt time.Time
}

// New makes the accounts of all tenants of a store.
func New(o Options) *Accounts {
	if o.TLS == nil {
		o.TLS = func(c *gin.Context) bool { return c.Request.TLS != nil }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Accounts{
		store: o.Store, hasher: o.Hasher, origin: o.Origin, mailer: o.Mailer, tls: o.TLS, log: o.Log, clock: o.Now,
	}
}

// Origin is where the tenant with that subdomain or host of its own is reached,
// and for an empty name the base domain. It comes from the configuration.
func (a *Accounts) Origin(name string) string { return a.origin(name) }

// now is in UTC and in microseconds, which both engines store unchanged.
func (a *Accounts) now() time.Time { return a.clock().UTC().Truncate(time.Microsecond) }

const (
	// MaxOpenBody is the largest body, in bytes, that is read for those who have
	// not signed in: for web.Buffered, on the routes of Unscoped.
	MaxOpenBody = 64 << 10
	// accountTimeout bounds the wait for a turn to hash.
	accountTimeout = 15 * time.Second
)

// Unscoped runs a handler that hashes a password, which must hold no
// transaction, and begins scopes of its own. The query may hold the parameters,
// as with Takes. The error that f returns is recorded on c. It goes below
// web.Buffered, which has read the body.
func Unscoped(c *gin.Context, f func(c *gin.Context) error, parameters ...string) {
	if err := request.CheckQuery(c, parameters...); err != nil {
		problem.Fail(c, err)
		return
	}
	original := c.Request
	ctx, cancel := context.WithTimeout(original.Context(), accountTimeout)
	defer cancel()
	defer func() { c.Request = original }()
	c.Request = original.WithContext(ctx)
	if err := f(c); err != nil {
		problem.Fail(c, err)
	}
}

// tenantID is the id of the request's tenant.
func tenantID(c *gin.Context) string { return web.From(c).ID }

// inTenant runs f in a scope on the request's tenant that writes. It may use the
// reserve of a full one: who can't sign in can't delete anything.
func (a *Accounts) inTenant(c *gin.Context, f tenants.Func) error {
	return a.store.Update(tenants.WithReserve(c.Request.Context()), web.From(c), f)
}
