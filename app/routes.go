package app

import (
	"context"
	"net/http"
	"net/http/pprof"

	"github.com/gin-gonic/gin"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/console"
	"tenantry/handlers/mail"
	"tenantry/handlers/operator"
	"tenantry/handlers/pages"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/onboard"
	"tenantry/tenants/visits"
	"tenantry/tenants/web"
)

// maxImport is the largest CSV file that can be imported, in bytes.
const maxImport = 10 << 20

// Routes adds the work tracker's routes.
func Routes(p *Public) {
	site := p.AccountRoutes(pages.Options{Appearance: func(t *tenants.Tenant) pages.Appearance {
		s := tenants.SettingsOf[models.Settings](p.Pages.Store, t)
		return pages.Appearance{Language: s.Language, Colour: s.Colour, Zone: p.Pages.Store.Zone(t)}
	}})
	do, read := request.Do, []string{http.MethodGet, http.MethodHead}
	api := p.API(web.ScopeOptions{})
	api.Match(read, "/me/mail", do(handlers.GetMail))
	api.PATCH("/me/mail", do(handlers.UpdateMail))
	api.Match(read, "/projects", do(handlers.ListProjects, "archived", "limit", "after"))
	api.POST("/projects", do(handlers.CreateProject))
	api.Match(read, "/projects/:id", do(handlers.GetProject))
	api.PATCH("/projects/:id", do(handlers.UpdateProject))
	api.DELETE("/projects/:id", account.AdminsOnly, do(handlers.DeleteProject))

	api.Match(read, "/projects/:id/tasks", do(handlers.ListTasks, "status", "assignee_id", "limit", "after"))
	api.POST("/projects/:id/tasks", do(handlers.CreateTask))
	p.API(web.ScopeOptions{MaxBody: maxImport}).POST("/projects/:id/tasks/import", do(handlers.ImportTasks))
	api.Match(read, "/tasks/:id", do(handlers.GetTask))
	api.PATCH("/tasks/:id", do(handlers.UpdateTask))
	api.DELETE("/tasks/:id", do(handlers.DeleteTask))
	api.Match(read, "/tasks/:id/comments", do(handlers.ListComments, "limit", "after"))
	api.POST("/tasks/:id/comments", do(handlers.CreateComment))
	api.DELETE("/comments/:id", do(handlers.DeleteComment))
	api.Match(read, "/tasks/:id/attachments", do(handlers.ListAttachments, "limit", "after"))
	p.API(web.ScopeOptions{}, p.Requests.Admit(), p.Uploads.Receive(handlers.MayAttach)).POST("/tasks/:id/attachments", do(handlers.CreateAttachment, "name"))
	p.Streamed().Match(read, "/attachments/:id", request.Plain(p.Uploads.Send(handlers.AttachedFile)))
	api.DELETE("/attachments/:id", do(handlers.DeleteAttachment))
	site.Register(p.Engine)
}

// operatorHandler serves requests with the one token, or those of operators' accounts. It reports not
// ready once ctx has ended.
func (a *App) operatorHandler(ctx context.Context, token string, accounts *account.Accounts) http.Handler {
	r := a.newRouter(a.operatorTLS, maxOperatorBody)
	onboard := onboard.New(a.manager, accounts)
	doors := operator.NewDoors(token, a.Operators())
	api := a.operations(ctx, onboard)
	pages := a.console(ctx, doors, onboard, accounts)
	guard, either := doors.Guard, pages.OrGuard(doors.Guard)
	read := []string{http.MethodGet, http.MethodHead}
	r.Use(pages.Errors(), ownHosts(a.settings.operatorHosts))

	r.Match(read, "/healthz", request.Takes(), healthy)
	r.Match(read, "/readyz", request.Takes(), a.ready(ctx))
	r.NoRoute(either, problem.NotFound)
	r.NoMethod(hideAllow, either, showAllow, problem.MethodNotAllowed)

	pages.Register(r)
	api.Register(r.Group("/api", guard))
	r.Match(read, "/metrics", guard, request.Takes(), a.metrics.serve())
	profiles(r.Group("/debug/pprof", guard))
	return r
}

// profiles serves the profiles of this process, but not pprof's cmdline: the
// arguments may hold a database's password.
// The query of symbol is a list of addresses and no parameters.
func profiles(r gin.IRoutes) {
	takes := request.Takes("debug", "gc", "seconds")
	r.GET("/", takes, gin.WrapF(pprof.Index))
	r.GET("/:profile", takes, gin.WrapF(pprof.Index))
	r.GET("/profile", takes, gin.WrapF(pprof.Profile))
	r.GET("/symbol", gin.WrapF(pprof.Symbol))
	r.POST("/symbol", gin.WrapF(pprof.Symbol))
	r.GET("/trace", takes, gin.WrapF(pprof.Trace))
}

// accounts returns the service through which people sign in to tenants.
func (a *App) accounts() *account.Accounts {
	return account.New(account.Options{
		Store: a.store, Hasher: a.hasher, TLS: a.publicTLS, Log: a.log,
		Origin: a.TenantURL, Mails: a.options.Jobs != nil, Visits: visits.New(a.master),
	})
}

// operations are what operators ask for, on either way. What they run in the background ends with serving.
func (a *App) operations(serving context.Context, onboard *onboard.Service) *operator.API {
	return operator.New(operator.Options{
		Store: a.store, Manager: a.manager, Fleet: a.fleet, Onboard: onboard, Domain: a.settings.domain, Doctor: a.Examine, AddServer: a.AddServer, ChangeServer: a.ChangeServer, Restore: a.RestoreAs, BackedUpAt: a.BackedUpAt, Accounts: a.Operators(), LetIn: a.LetIn, Serving: serving,
	})
}

// console is the operator's console. What it runs in the background ends with
// serving.
func (a *App) console(serving context.Context, doors *operator.Doors, onboard *onboard.Service, accounts *account.Accounts) *console.Console {
	var post *mail.Post
	if a.options.Jobs != nil {
		post = a.post(accounts)
	}
	return console.New(console.Options{
		Post:  post,
		Doors: doors, Accounts: a.Operators(), LetIn: a.LetIn, People: accounts.EntryPeople, Store: a.store, Manager: a.manager, Fleet: a.fleet, Onboard: onboard, Traffic: a.archive, Doctor: a.Examine, AddServer: a.AddServer, ChangeServer: a.ChangeServer, Proofs: a.proofs, Backups: a.watched(), Restore: a.RestoreAs,
		Origin: accounts.Origin, Domain: a.settings.domain, TLS: a.operatorTLS, Serving: serving, Manual: a.options.Manual,
	})
}
