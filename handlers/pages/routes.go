package pages

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// Scoped returns a group of routes for people who are signed in, whose handlers run
// in the tenant's transaction. At the base domain its "/" is the page that leads to
// the tenants. first come before the transaction begins.
func (s *Site) Scoped(r gin.IRouter, o web.ScopeOptions, first ...gin.HandlerFunc) *gin.RouterGroup {
	return r.Group("", s.apex, s.web.Resolve(), request.SameOrigin(s.accounts.Origin), s.accounts.Present(), s.samePage).Group("", first...).
		Group("", s.web.Scoped(o), s.accounts.Authenticate())
}

// RegisterAccounts adds the routes that every application needs: how people sign in,
// who they are, and what they did. GET and HEAD answer alike.
func (s *Site) RegisterAccounts(r gin.IRouter) {
	resolve, do, admins := s.web.Resolve(), request.Do, account.AdminsOnly
	read := []string{http.MethodGet, http.MethodHead}
	buffered := s.web.Buffered(account.MaxOpenBody)

	r.Match(read, "/assets/:file", request.Takes(), s.assets.Serve, resolve, problem.NotFound)
	open := r.Group("", resolve, request.SameOrigin(s.accounts.Origin), buffered) // these begin scopes of their own
	open.Match(read, "/sign-in", request.Takes("next"), s.signInPage)
	open.POST("/sign-in", s.signIn)
	open.Match(read, "/invitation", s.invitationPage)
	open.POST("/invitation", s.join)
	if s.accounts.Mails() {
		open.Match(read, "/password-reset", request.Takes(), s.forgotten)
		open.POST("/password-reset", s.resetPassword)
	}
	if s.accounts.Visits() {
		open.Match(read, "/enter", s.enterPage)
		open.POST("/enter", s.enter)
		open.POST("/leave", s.leave)
	}
	r.POST("/account/password", resolve, request.SameOrigin(s.accounts.Origin), s.accounts.Present(), buffered, s.updatePassword)

	r.POST("/account/export", resolve, request.SameOrigin(s.accounts.Origin), s.accounts.Present(), request.Plain(s.exportAll))

	in, removing := s.Scoped(r, web.ScopeOptions{}), s.Scoped(r, web.ScopeOptions{Deletes: true})
	confirmed := s.Scoped(r, web.ScopeOptions{}, buffered, s.accounts.Confirm())
	in.Match(read, "/people", do(s.people, "limit", "after"))
	confirmed.POST("/people", admins, do(s.invite))
	confirmed.POST("/people/:id", admins, do(s.updateRole))
	confirmed.POST("/people/:id/invitation", admins, do(s.inviteAgain))
	removing.POST("/people/:id/delete", admins, do(s.deletePerson))
	in.Match(read, "/activity", do(s.activity, "limit", "after"))

	in.Match(read, "/account", do(s.account, "limit", "after", "done"))
	confirmed.POST("/account", do(s.updateAccount))
	in.Match(read, "/account/password", do(s.passwordPage))
	in.Match(read, "/account/tokens", do(s.tokens, "limit", "after"))
	confirmed.POST("/account/tokens", do(s.createToken))
	removing.POST("/account/tokens/:id/delete", do(s.deleteToken))
	removing.POST("/account/sessions/:id/delete", do(s.deleteSession))
	removing.POST("/sign-out", do(s.signOut))
}

// Register adds the routes of the work tracker's pages.
func (s *Site) Register(r gin.IRouter) {
	do, read := request.Do, []string{http.MethodGet, http.MethodHead}
	in, removing := s.Scoped(r, web.ScopeOptions{}), s.Scoped(r, web.ScopeOptions{Deletes: true})
	s.taskMail = true
	in.POST("/account/mail", do(s.updateMail))
	in.Match(read, "/", do(s.projects, "archived", "limit", "after"))
	in.POST("/projects", do(s.createProject))
	in.Match(read, "/projects/:id", do(s.board, "todo", "doing", "done", "imported"))
	in.Match(read, "/projects/:id/edit", do(s.editProject))
	in.POST("/projects/:id", do(s.updateProject))
	removing.POST("/projects/:id/delete", account.AdminsOnly, do(s.deleteProject))
	in.POST("/projects/:id/tasks", do(s.createTask))
	in.Match(read, "/projects/:id/import", do(s.importPage))
	s.Scoped(r, web.ScopeOptions{MaxBody: maxImport}).POST("/projects/:id/import", do(s.importTasks))

	in.Match(read, "/tasks/:id", do(s.task, "limit", "after", "done"))
	in.POST("/tasks/:id", do(s.updateTask))
	in.POST("/tasks/:id/move", do(s.moveTask))
	removing.POST("/tasks/:id/delete", do(s.deleteTask))
	in.POST("/tasks/:id/comments", do(s.createComment))
	removing.POST("/comments/:id/delete", do(s.deleteComment))
	s.Scoped(r, web.ScopeOptions{}, s.web.Admit(), s.uploads.Receive(handlers.MayAttach)).POST("/tasks/:id/attachments", do(s.createAttachment))
	r.Group("", s.web.Resolve(), request.SameOrigin(s.accounts.Origin), s.accounts.Present(), s.web.Admit(), s.accounts.Identified()).
		Match(read, "/attachments/:id", request.Plain(s.uploads.Send(handlers.AttachedFile)))
	removing.POST("/attachments/:id/delete", do(s.deleteAttachment))
}
