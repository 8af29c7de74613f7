// Package console is the operator's console: pages on the operator's listener
// for whoever has the operator's token. A page is filled by a handler of the file
// of its name, from the template of the same name; what it changes is changed
// through tenants/lifecycle, as by the operator's API and the commands.
//
//	console.go  what a console is made of, and all routes
//	session.go  who is signed in
//	tries.go    how often the token was tried
//	access.go   signing in and out
//	frame.go    what surrounds every page
//	errors.go   what is shown when there is nothing else to show
//	chart.go    charts, drawn as SVG
//	sizes.go    how large the databases are
//	events.go   streams of events, for pages that show what runs
//
// Every page works without scripts: forms are posted, and answered with a
// redirect (303) to the page that shows what came of it, or with the form and
// what is wrong. The cookie of the console counts for its pages alone: the
// operator's API takes the token and nothing else.
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
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/handlers/traffic"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

//go:embed templates/*
var templateFiles embed.FS

// Options are what a Console is made of. All are needed but Manual and Now.
type Options struct {
	// Token is what an operator signs in with.
	Token string
	// Store holds the tenants, Manager does things to them, and Onboard
	// creates them with their first admins.
	Store   *tenants.Store
	Manager *lifecycle.Manager
	Onboard *onboard.Service
	// Doctor examines everything, as lifecycle.Manager's does, with keys.
	Doctor func(ctx context.Context, what lifecycle.Checkup) ([]lifecycle.Finding, error)
	// Traffic is that of the public listener.
	Traffic *traffic.Recorder
	// Origin is where a tenant is reached.
	Origin func(subdomain string) string
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// TLS tells whether a request came over TLS.
	TLS func(c *gin.Context) bool
	// Serving ends when the process is to stop: what runs in the background ends
	// with it.
	Serving context.Context
	// Manual holds the chapters of the manual as TOPIC.md; nil for none.
	Manual fs.FS
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Console serves the console. It is safe for concurrent use.
type Console struct {
	o         Options
	sessions  *sessions
	tries     *tries
	templates look.Templates
	assets    look.Assets
	passes    task[passView]
	checkups  task[checkup]
	sizes     sizes
}

// New makes a Console.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Console{o: o, sessions: newSessions(o.Now), tries: newTries(o.Now), assets: look.LoadAssets()}
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // they are embedded: only a broken build gets here
	}
	s.templates = look.LoadTemplates(files, s.assets, functions(), nil)
	return s
}

// functions are what templates call.
func functions() template.FuncMap {
	return template.FuncMap{"number": number, "bytes": byteSize, "took": took, "at": at}
}

// Register adds the routes to the operator's router. GET and HEAD answer alike.
func (s *Console) Register(r gin.IRouter) {
	read := []string{http.MethodGet, http.MethodHead}
	r.Match(read, "/assets/:file", request.Takes(), s.assets.Serve, problem.NotFound)

	open := r.Group("", request.SameOrigin(nil))
	open.Match(read, "/sign-in", request.Takes("next"), s.signInPage)
	open.POST("/sign-in", s.do(s.signIn))
	open.POST("/sign-out", request.Takes(), s.signOut)

	in := open.Group("", s.Guard())
	in.Match(read, "/", s.do(s.overview))
	in.Match(read, "/operations", s.do(s.operations, "tenant", "kind", "state", "by", "since", "until", "unfinished", "after"))
	in.Match(read, "/servers", s.do(s.servers))
	in.Match(read, "/manual", s.do(s.manual))
	in.Match(read, "/manual/:topic", s.do(s.manualChapter))
	in.Match(read, "/migrations", s.do(s.migrations))
	in.POST("/migrations", s.do(s.migrate))
	in.GET("/migrations/events", request.Takes(), streamTask(s, &s.passes, func(v *passView) bool { return v.Over }))
	in.Match(read, "/doctor", s.do(s.doctor))
	in.POST("/doctor", s.do(s.examine))
	in.GET("/doctor/events", request.Takes(), streamTask(s, &s.checkups, func(c *checkup) bool { return c.Over }))

	in.Match(read, "/tenants", s.do(s.tenants, "search", "state", "server", "version", "order", "after"))
	in.Match(read, "/new", s.do(s.createPage))
	in.GET("/new/steps", request.Takes("subdomain"), s.steps)
	in.POST("/tenants", s.do(s.create))
	one := in.Group("/tenants/:tenant")
	one.Match(read, "", s.do(s.tenant, "done"))
	one.GET("/events", request.Takes(), s.tenantEvents)
	one.POST("/suspend", s.do(s.move(s.o.Manager.Suspend, "suspended")))
	one.POST("/resume", s.do(s.move(s.o.Manager.Resume, "resumed")))
	one.POST("/archive", s.do(s.move(s.o.Manager.Archive, "archived")))
	one.POST("/restore", s.do(s.move(s.o.Manager.Restore, "restored")))
	one.POST("/rename", s.do(s.rename))
	one.POST("/name", s.do(s.setName))
	one.POST("/purge", s.do(s.purge))
	one.POST("/invitation", s.do(s.invite))
	one.POST("/domains", s.do(s.addDomain))
	one.POST("/domains/remove", s.do(s.removeDomain))
}

// do adapts a handler that returns its error, and declares the parameters that
// its query may hold, as handlers.Takes does.
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
