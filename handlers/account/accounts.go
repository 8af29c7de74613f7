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
//	letters.go       messages with links; reset.go, the way back of people who forgot their password; mailbounds.go, how many
//	tokens.go        API tokens; credentials.go, what they share with sessions
//	recent.go        remembers what was looked up a moment ago
//	admins.go        a tenant's first admin, for operators
//	enter.go         operators enter as one of the people; visit.go, what they may do then
//
// As in package handlers, the handlers of requests take a *gin.Context: SignIn,
// SignOut, AcceptInvitation, InviteUser, and List, Create, Update and Delete. Each
// calls an operation, which takes values and which the pages call too: Enter, Leave,
// Join, Invite, and Find, Add, Change and Remove.
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
	"tenantry/tenants/visits"
)

// Options configures Accounts.
type Options struct {
	// Store holds the tenants' accounts.
	Store *tenants.Store
	// Hasher hashes their passwords.
	Hasher *auth.Hasher
	// Origin returns the URL at which a tenant is reached, such as
	// https://acme.example.com. It comes from the configuration, because the sender
	// of a Host header must not choose where a link leads. name is a tenant's
	// subdomain, or its own host with dots: see tenants.Tenant.Address. For an empty
	// name, Origin returns the URL of the base domain.
	Origin func(name string) string
	// Mails makes messages be written, as jobs of package mail. It needs tenants with the table of jobs, and a process
	// that has the Letters. Without it the inviter passes the link on, and people who forgot their password ask an admin.
	Mails bool
	// Visits lets operators enter tenants as one of their people. Without it they can't.
	Visits *visits.Visits
	// TLS reports whether the request came over TLS, directly or through a trusted
	// proxy. Defaults to checking the connection itself.
	TLS func(c *gin.Context) bool
	// Log receives details that clients must not see. Defaults to slog.Default().
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Accounts manages the passwords, sessions, API tokens and invitations of tenants'
// users. It is safe for concurrent use.
type Accounts struct {
	store  *tenants.Store
	hasher *auth.Hasher
	origin func(name string) string
	mails  bool
	visits *visits.Visits
	tls    func(c *gin.Context) bool
	log    *slog.Logger
	clock  func() time.Time
	recent recent // credentials whose bodies are worth reading
}

// Invitation is a link with which a user sets a password, once.
type Invitation struct {
	Tenant *tenants.Tenant
	User   models.User
	// URL contains the secret.
	URL       string
	ExpiresAt time.Time
}

// New returns the accounts of all tenants in a store.
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
		store: o.Store, hasher: o.Hasher, origin: o.Origin, mails: o.Mails, visits: o.Visits, tls: o.TLS, log: o.Log, clock: o.Now,
	}
}

// Mails is Options.Mails.
func (a *Accounts) Mails() bool { return a.mails }

// Origin returns the configured URL of the tenant with this subdomain or host of its
// own, or of the base domain if the name is empty.
func (a *Accounts) Origin(name string) string { return a.origin(name) }

// now returns the time in UTC, truncated to microseconds, which both engines store
// unchanged.
func (a *Accounts) now() time.Time { return a.clock().UTC().Truncate(time.Microsecond) }

const (
	// MaxOpenBody is the largest body, in bytes, that is read from clients that have
	// not signed in. It is for web.Buffered, on the routes of Unscoped.
	MaxOpenBody = 64 << 10
	// accountTimeout limits the wait for a turn to hash.
	accountTimeout = 15 * time.Second
)

// Unscoped runs a handler that hashes a password: it must hold no transaction, and
// begins its own scopes. The query may hold the parameters, as with Takes. The error
// that f returns is recorded on c. Unscoped goes below web.Buffered, which has read
// the body.
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

// inTenant runs f in a writing scope on the tenant. If the tenant is full, f may use
// its reserve: users who can't sign in can't delete anything.
func (a *Accounts) inTenant(ctx context.Context, t *tenants.Tenant, f tenants.Func) error {
	return a.store.Update(tenants.WithReserve(ctx), t, f)
}
