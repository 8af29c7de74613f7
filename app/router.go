package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/pages"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/handlers/uploads"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// Public is the public listener's router without the application's routes, and
// the parts that those need.
type Public struct {
	*gin.Engine
	Accounts *account.Accounts
	Requests *web.Middleware
	// Pages are the options of the tenants' pages, without navigation and templates.
	Pages pages.Options

	// Uploads receive and send files.
	Uploads uploads.Service

	// Resolve finds the request's tenant, and Share lets pages of the configured
	// origins call what comes after it.
	Resolve, Share gin.HandlerFunc
}

// Public returns the handler of the public listener, for callers without a
// listener.
func (a *App) Public() http.Handler { return a.publicRouter(a.accounts()) }

// Operator returns the handler of the operator's listener, for requests with
// the operator's token. It reports not ready once ctx has ended.
func (a *App) Operator(ctx context.Context, token string) http.Handler {
	return a.operatorHandler(ctx, token, a.accounts())
}

// publicRouter serves tenants, and nothing else, on every host.
func (a *App) publicRouter(accounts *account.Accounts) *gin.Engine {
	requests := web.New(a.store, web.Options{
		Domain: a.settings.domain, Render: renderMoves(accounts.Origin, problem.Write), RequestID: problem.RequestID,
		Identify: a.options.Identify, Found: a.options.Found, NotFound: a.options.NotFound,
	})
	files := uploads.Service{Files: a.files, Store: a.store, Accounts: accounts}
	p := &Public{
		Uploads:  files,
		Engine:   a.newRouter(a.publicTLS, max(maxImport, files.MaxUploadBody()), append(a.traceRequests(), measure(a.metrics, a.traffic))...),
		Accounts: accounts, Requests: requests, Resolve: requests.Resolve(), Share: shareWith(a.settings.origins),
		Pages: pages.Options{
			Store: a.store, Web: requests, Accounts: accounts, Domain: a.settings.domain, Demo: a.shownDemo(accounts.Origin), Export: a.exportFor, Uploads: files,
		},
	}
	a.options.Routes(p)
	p.Match([]string{http.MethodGet, http.MethodHead}, "/healthz", request.Takes(), healthy)
	p.NoRoute(p.Resolve, problem.NotFound)
	p.NoMethod(hideAllow, p.Resolve, p.Share, showAllow, problem.MethodNotAllowed)
	return p.Engine
}

// newRouter is a router with what both listeners have in common, in the order
// in which a request meets it; before all that are the first ones. No route
// reads more of a body than maxBody.
func (a *App) newRouter(tls func(c *gin.Context) bool, maxBody int64, first ...gin.HandlerFunc) *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // or gin prints to standard output
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.ForwardedByClientIP = false // request.ClientAddress counts instead
	r.Use(first...)
	r.Use(
		identify(a.settings.proxies),
		identifyClient(a.settings.proxies),
		logAccess(a.log, newRefusals(a.log)),
		recoverPanics(a.log),
		problem.Middleware(a.log),
		harden(tls),
		limitBody(maxBody),
	)
	return r
}

// healthy answers while the process runs.
func healthy(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// ready answers 200 while requests can be served: the process isn't stopping,
// its master answers, and tenants can be opened on one of the servers at least.
// It tells how many can't be.
func (a *App) ready(serving context.Context) gin.HandlerFunc {
	return func(c *gin.Context) {
		if serving.Err() != nil {
			_ = c.Error(fmt.Errorf("stopping: %w", tenants.ErrClosed))
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
		defer cancel()
		err := a.master.View(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
		if err != nil && a.store.IsServing() {
			c.JSON(http.StatusOK, gin.H{"status": "degraded", "reason": "the master doesn't answer: only tenants whose databases are open are served"})
			return
		}
		if err != nil {
			_ = c.Error(fmt.Errorf("ask master: %w: %w", tenants.ErrUnavailable, err))
			return
		}
		servers := a.store.Health(ctx)
		switch {
		case len(servers) == 0:
			c.JSON(http.StatusOK, gin.H{"status": "ready"})
		case a.store.CanServe(servers):
			c.JSON(http.StatusOK, gin.H{"status": "degraded", "servers": servers})
		default:
			c.Header("Retry-After", "5")
			c.JSON(http.StatusServiceUnavailable, gin.H{"status": "unavailable", "servers": servers})
		}
	}
}
