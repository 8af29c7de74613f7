package app

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/pages"
	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// API returns the group of routes under /api for sessions and API tokens, whose
// handlers run in the tenant's transaction. first come before that begins.
func (p *Public) API(o web.ScopeOptions, first ...gin.HandlerFunc) *gin.RouterGroup {
	return p.Group("/api", p.Resolve, p.Share, request.CrossOrigin(p.Accounts.Origin), p.Accounts.Present()).Group("", first...).
		Group("", p.Requests.Scoped(o), p.Accounts.Authenticate())
}

// Streamed returns the group of routes under /api for sessions and API tokens, whose handlers run outside of scopes and
// know who asks.
func (p *Public) Streamed() *gin.RouterGroup {
	return p.Group("/api", p.Resolve, p.Share, request.CrossOrigin(p.Accounts.Origin), p.Accounts.Present(), p.Requests.Admit(), p.Accounts.Identified())
}

// AccountRoutes adds what every application needs, in JSON and as pages: signing in,
// invitations, users, API tokens and activity. All but signing in and accepting an
// invitation needs a session or an API token. Of o, only Appearance, Navigation
// and Templates count. The application's own pages are shown by the Site.
func (p *Public) AccountRoutes(o pages.Options) *pages.Site {
	made := p.Pages
	made.Appearance, made.Navigation, made.Templates = o.Appearance, o.Navigation, o.Templates
	accounts, site := p.Accounts, pages.New(made)
	p.Use(site.Errors())
	read := []string{http.MethodGet, http.MethodHead}
	do, admins, people := request.Do, account.AdminsOnly, account.PeopleOnly

	open, buffered := p.Group("", p.Resolve, p.Share, request.CrossOrigin(accounts.Origin)), p.Requests.Buffered(account.MaxOpenBody)
	open.POST("/api/session", buffered, accounts.SignIn) // these begin scopes of their own
	open.POST("/api/invitation", buffered, accounts.AcceptInvitation)
	if accounts.Mails() {
		open.POST("/api/password-reset", buffered, accounts.ResetPassword)
	}
	open.POST("/api/me/password", accounts.Present(), buffered, accounts.UpdatePassword)

	api, confirmed := p.API(web.ScopeOptions{}), p.API(web.ScopeOptions{}, buffered, accounts.Confirm())
	api.DELETE("/session", do(accounts.SignOut))
	api.Match(read, "/me", do(account.GetMe))
	api.Match(read, "/sessions", do(accounts.ListSessions, "user_id", "limit", "after"))
	api.DELETE("/sessions/:id", people, do(accounts.DeleteSession))
	api.Match(read, "/tokens", do(accounts.ListTokens, "user_id", "limit", "after"))
	confirmed.POST("/tokens", people, do(accounts.CreateToken))
	api.DELETE("/tokens/:id", do(accounts.DeleteToken))

	api.Match(read, "/users", do(handlers.ListUsers, "limit", "after"))
	confirmed.POST("/users", people, admins, do(accounts.CreateUser))
	api.Match(read, "/users/:id", do(handlers.GetUser))
	confirmed.PATCH("/users/:id", do(handlers.UpdateUser))
	api.DELETE("/users/:id", people, admins, do(handlers.DeleteUser))
	confirmed.POST("/users/:id/invitation", people, admins, do(accounts.InviteUser))
	api.Match(read, "/activity", do(handlers.ListActivity, "limit", "after"))

	site.RegisterAccounts(p.Engine)
	return site
}
