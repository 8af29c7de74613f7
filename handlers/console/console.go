// Package console is the operator's console: pages on the operator's listener, for
// operators with a token. The file of a page has its handlers, and the template
// of the same name its HTML. Changes go through tenants/lifecycle, as those of the
// operator's API and the commands do.
//
//	console.go  the options of a console, and all routes
//	session.go  sessions of operators
//	tries.go    limits wrong tokens
//	access.go   signing in and out
//	frame.go    what surrounds every page
//	errors.go   pages about errors
//	chart.go    charts, drawn as SVG
//	sizes.go    sizes of databases
//	alerts.go   what to look at
//	task.go     work in the background
//	events.go   streams of events about such work
//
// Every page works without scripts: a form's answer is a redirect (303) to the page
// with the result, or the form with what is wrong in it. The console's cookie is
// valid for its pages only; the operator's API accepts only the token.
package console

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/mail"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
	"tenantry/tenants/proof"
	"tenantry/tenants/traffic"
	"tenantry/tenants/visits"
)

//go:embed templates/*
var templateFiles embed.FS

// Options configure a Console. All fields but Proofs, Backups, Post, Manual and Now are required.
type Options struct {
	// Doors lets operators sign in, and Accounts has their accounts.
	Doors    *operator.Doors
	Accounts *operators.Accounts
	// LetIn lets operators enter tenants as one of their People, of whom it returns the first and whether there are more.
	LetIn  visits.LetIn
	People func(ctx context.Context, t *tenants.Tenant, most int) (people []models.User, more bool, err error)
	// Store has the tenants, Manager changes them, Fleet migrates them, and Onboard
	// creates them with their first admins.
	Store   *tenants.Store
	Manager *lifecycle.Manager
	Fleet   *fleet.Fleet
	Onboard *onboard.Service
	// Proofs tries tenants' backups; nil if there are none.
	Proofs *proof.Proofs
	// Backups are what may be late; none if there are no backups.
	Backups []queue.Watched
	// Restore makes tenants of backups.
	Restore operator.Restore
	// Post opens messages that wait for operators; nil if there is no mail.
	Post *mail.Post
	// Doctor checks everything, as lifecycle.Manager's Doctor does, and the keys.
	Doctor func(ctx context.Context, what lifecycle.Checkup) ([]lifecycle.Finding, error)
	// AddServer opens a server and stores it with its URL.
	AddServer func(ctx context.Context, s tenants.Server, url string) error
	// ChangeServer changes a server, whose pooler it tries.
	ChangeServer func(ctx context.Context, name string, change lifecycle.ServerChange) error
	// Traffic has the requests to the public listeners of all processes.
	Traffic *traffic.Archive
	// Origin returns the origin of a tenant's pages.
	Origin func(subdomain string) string
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// TLS reports whether a request came over TLS.
	TLS func(c *gin.Context) bool
	// Serving ends when the process is to stop, which also ends work in the
	// background.
	Serving context.Context
	// Manual has the chapters of the manual as TOPIC.md. It may be nil.
	Manual fs.FS
	// Now returns the time. Defaults to time.Now.
	Now func() time.Time
}

// Console serves the console. It is safe for concurrent use.
type Console struct {
	o         Options
	sessions  *sessions
	tries     *tries
	templates look.Templates
	assets    look.Assets
	checkups  task[checkup]
	sizes     sizes
}

// New returns a Console.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Console{o: o, sessions: newSessions(o.Now), tries: newTries(o.Now), assets: look.LoadAssets()}
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // embedded files can always be read
	}
	s.templates = look.LoadTemplates(files, s.assets, functions(), nil)
	return s
}

// functions returns the functions that templates call.
func functions() template.FuncMap {
	return template.FuncMap{"number": number, "bytes": byteSize, "took": took, "at": at}
}

// Register adds the routes to the operator's router. HEAD is answered like GET.
func (s *Console) Register(r gin.IRouter) {
	read := []string{http.MethodGet, http.MethodHead}
	r.Match(read, "/assets/:file", request.Takes(), s.assets.Serve, problem.NotFound)

	open := r.Group("", request.SameOrigin(nil))
	open.Match(read, "/sign-in", request.Takes("next"), s.signInPage)
	open.POST("/sign-in", s.do(s.signIn))
	open.POST("/sign-out", request.Takes(), s.signOut)

	in := open.Group("", s.Guard())
	in.Match(read, "/", s.do(s.overview, "span"))
	in.Match(read, "/operations", s.do(s.operations, "tenant", "kind", "state", "by", "since", "until", "unfinished", "after"))
	in.Match(read, "/servers", s.do(s.servers, "sort"))
	in.POST("/servers", s.do(s.addServer))
	in.Match(read, "/servers/:server", s.do(s.server, "span"))
	in.POST("/servers/:server/pooler", s.do(s.setPooler))
	in.POST("/servers/:server/:do", s.do(s.changeServer))
	in.POST("/handles/:tenant/close", s.do(s.closeHandle))
	in.Match(read, "/operators", s.do(s.operators))
	in.POST("/operators", s.do(s.addOperator))
	in.POST("/operators/:operator/:do", s.do(s.changeOperator))
	in.Match(read, "/manual", s.do(s.manual))
	in.Match(read, "/manual/:topic", s.do(s.manualChapter))
	in.Match(read, "/migrations", s.do(s.migrations, "plan"))
	in.POST("/migrations", s.do(s.migrate))
	in.POST("/migrations/resume", s.do(s.resumeRun))
	in.POST("/migrations/stop", s.do(s.stopRun))
	in.POST("/migrations/abandon", s.do(s.abandonRun))
	in.POST("/migrations/accept", s.do(s.acceptRun))
	in.POST("/migrations/revert", s.do(s.revertRun))
	in.GET("/migrations/events", request.Takes(), s.runEvents)
	in.Match(read, "/doctor", s.do(s.doctor))
	in.POST("/doctor", s.do(s.examine))
	in.GET("/doctor/events", request.Takes(), streamTask(s, &s.checkups, func(c *checkup) bool { return c.Over }))

	in.Match(read, "/tenants", s.do(s.tenants, "search", "state", "server", "version", "order", "after"))
	in.Match(read, "/new", s.do(s.createPage))
	in.GET("/new/steps", request.Takes("subdomain"), s.steps)
	in.POST("/tenants", s.do(s.create))
	one := in.Group("/tenants/:tenant")
	one.Match(read, "", s.do(s.tenant, "done", "span"))
	one.GET("/events", request.Takes(), s.tenantEvents)
	one.Match(read, "/jobs", s.do(s.jobs))
	one.POST("/jobs/retry", s.do(s.retryJob))
	one.POST("/jobs/open", s.do(s.openLetter))
	one.POST("/suspend", s.do(s.move(s.o.Manager.Suspend, "suspended")))
	one.POST("/resume", s.do(s.move(s.o.Manager.Resume, "resumed")))
	one.POST("/archive", s.do(s.move(s.o.Manager.Archive, "archived")))
	one.POST("/restore", s.do(s.move(s.o.Manager.Restore, "restored")))
	one.POST("/rename", s.do(s.rename))
	one.POST("/swap", s.do(s.swap))
	one.POST("/name", s.do(s.setName))
	one.POST("/limits", s.do(s.setLimits))
	one.POST("/settings", s.do(s.setSettings))
	one.POST("/maintenance", s.do(s.close))
	one.POST("/maintenance/end", s.do(s.move(s.endMaintenance, "opened")))
	one.POST("/export", s.do(s.export))
	one.POST("/clone", s.do(s.clone))
	one.POST("/move", s.do(s.moveToServer))
	one.POST("/restore-as", s.do(s.restoreAs))
	one.Match(read, "/enter", s.do(s.enterPage))
	one.POST("/enter", s.do(s.enter))
	one.POST("/purge", s.do(s.purge))
	one.POST("/invitation", s.do(s.invite))
	one.POST("/domains", s.do(s.addDomain))
	one.POST("/domains/remove", s.do(s.removeDomain))
}

// do adapts a handler that returns an error. parameters are those that the query
// may contain, as in request.Takes.
func (s *Console) do(f func(c *gin.Context) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := request.CheckQuery(c, parameters...)
		if err == nil {
			err = f(c)
		}
		if err != nil {
			s.fail(c, err)
		}
	}
}
