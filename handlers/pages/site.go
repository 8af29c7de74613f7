// Package pages is the tenants' HTML, and the page at the base domain. A page
// is filled by a handler of the file of its name, from the template of the same
// name; what it changes is changed by the operations of package handlers, which
// the JSON API calls too.
//
//	site.go      what a site is made of, and all routes
//	frame.go     what surrounds every page
//	form.go      forms, as the operations take them
//	errors.go    what is shown when there is nothing else to show
//
// Every page works without scripts: forms are posted, and answered with a
// redirect (303) to the page that shows what came of it, or with the form and
// what is wrong. htmx, where it runs, sends the same requests and takes the part
// that changed out of the same answer.
package pages

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

//go:embed templates
var templateFiles embed.FS

// Options are what a Site is made of.
type Options struct {
	// Store holds the tenants.
	Store *tenants.Store
	// Web leads requests into the tenants' scopes.
	Web *web.Middleware
	// Accounts let people in, and know where tenants are reached.
	Accounts *account.Accounts
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// Demo are the demo tenants and how to sign in there, for all to see; nil
	// where there are none.
	Demo []Demo
}

// Demo is a demo tenant with the way in.
type Demo struct {
	Name, URL, Email, Password string
}

// Site serves the pages. It is safe for concurrent use.
type Site struct {
	store     *tenants.Store
	web       *web.Middleware
	accounts  *account.Accounts
	domain    tenants.BaseDomain
	demo      []Demo
	templates look.Templates
	assets    look.Assets
}

// New makes a Site.
func New(o Options) *Site {
	assets := look.LoadAssets()
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // they are embedded: only a broken build gets here
	}
	return &Site{
		store: o.Store, web: o.Web, accounts: o.Accounts, domain: o.Domain, demo: o.Demo,
		assets: assets, templates: look.LoadTemplates(files, assets, nil),
	}
}

// Register adds the routes to the public router. GET and HEAD answer alike.
func (s *Site) Register(r gin.IRouter) {
	resolve, do, admins := s.web.Resolve(), request.Do, account.AdminsOnly
	read := []string{http.MethodGet, http.MethodHead}
	buffered := s.web.Buffered(account.MaxOpenBody)
	scoped := func(o web.ScopeOptions, first ...gin.HandlerFunc) *gin.RouterGroup {
		return r.Group("", s.apex, resolve, request.SameOrigin(s.accounts.Origin), s.accounts.Present()).Group("", first...).
			Group("", s.web.Scoped(o), s.accounts.Authenticate())
	}

	r.Match(read, "/assets/:file", request.Takes(), s.assets.Serve, resolve, problem.NotFound)
	open := r.Group("", resolve, request.SameOrigin(s.accounts.Origin), buffered) // these begin scopes of their own
	open.Match(read, "/sign-in", request.Takes("next"), s.signInPage)
	open.POST("/sign-in", s.signIn)
	open.Match(read, "/invitation", s.invitationPage)
	open.POST("/invitation", s.join)
	r.POST("/account/password", resolve, request.SameOrigin(s.accounts.Origin), s.accounts.Present(), buffered, s.changePassword)

	in, removing := scoped(web.ScopeOptions{}), scoped(web.ScopeOptions{Deletes: true})
	confirmed := scoped(web.ScopeOptions{}, buffered, s.accounts.Confirm())
	in.Match(read, "/", do(s.projects, "archived", "limit", "after"))
	in.POST("/projects", do(s.createProject))
	in.Match(read, "/projects/:id", do(s.board, "todo", "doing", "done", "imported"))
	in.Match(read, "/projects/:id/edit", do(s.editProject))
	in.POST("/projects/:id", do(s.changeProject))
	removing.POST("/projects/:id/delete", admins, do(s.deleteProject))
	in.POST("/projects/:id/tasks", do(s.createTask))
	in.Match(read, "/projects/:id/import", do(s.importPage))
	scoped(web.ScopeOptions{MaxBody: maxImport}).POST("/projects/:id/import", do(s.importTasks))

	in.Match(read, "/tasks/:id", do(s.task, "limit", "after", "done"))
	in.POST("/tasks/:id", do(s.changeTask))
	in.POST("/tasks/:id/move", do(s.moveTask))
	removing.POST("/tasks/:id/delete", do(s.deleteTask))
	in.POST("/tasks/:id/comments", do(s.createComment))
	removing.POST("/comments/:id/delete", do(s.deleteComment))

	in.Match(read, "/people", do(s.people, "limit", "after"))
	confirmed.POST("/people", admins, do(s.invite))
	confirmed.POST("/people/:id", admins, do(s.changeRole))
	confirmed.POST("/people/:id/invitation", admins, do(s.inviteAgain))
	removing.POST("/people/:id/delete", admins, do(s.removePerson))
	in.Match(read, "/activity", do(s.activity, "limit", "after"))

	in.Match(read, "/account", do(s.account, "limit", "after", "done"))
	confirmed.POST("/account", do(s.changeAccount))
	in.Match(read, "/account/password", do(s.passwordPage))
	in.Match(read, "/account/tokens", do(s.tokens, "limit", "after"))
	confirmed.POST("/account/tokens", do(s.createToken))
	removing.POST("/account/tokens/:id/delete", do(s.deleteToken))
	removing.POST("/account/sessions/:id/delete", do(s.deleteSession))
	removing.POST("/sign-out", do(s.signOut))
}

// statuses are those of tasks in the words of the pages, in the board's order.
func statuses() []option {
	return []option{
		{Value: string(models.StatusTodo), Label: "To do"},
		{Value: string(models.StatusDoing), Label: "Doing"},
		{Value: string(models.StatusDone), Label: "Done"},
	}
}

// roles are those of users in the words of the pages.
func roles() []option {
	return []option{
		{Value: string(models.RoleMember), Label: "Member"},
		{Value: string(models.RoleAdmin), Label: "Admin"},
	}
}
