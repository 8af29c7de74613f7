package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/tenants"
)

// maxImport is the largest CSV file that is taken in, in bytes.
const maxImport = 10 << 20

// publicHandler serves tenants, and nothing else, on every host.
func (a *App) publicHandler() http.Handler {
	r := a.newRouter()
	resolve := tenants.Resolve(a.store, a.settings.domain)
	read := []string{http.MethodGet, http.MethodHead}

	r.Match(read, "/healthz", healthy)
	r.NoRoute(resolve, handlers.NotFound)
	r.NoMethod(hideAllow, resolve, showAllow, handlers.MethodNotAllowed)

	api := r.Group("/api", resolve, tenants.Scoped(a.store, tenants.ScopeOptions{}))
	api.Match(read, "/users", handlers.Do(handlers.ListUsers))
	api.POST("/users", handlers.Do(handlers.CreateUser))
	api.Match(read, "/users/:id", handlers.Do(handlers.GetUser))
	api.PATCH("/users/:id", handlers.Do(handlers.UpdateUser))
	api.DELETE("/users/:id", handlers.Do(handlers.DeleteUser))

	api.Match(read, "/projects", handlers.Do(handlers.ListProjects))
	api.POST("/projects", handlers.Do(handlers.CreateProject))
	api.Match(read, "/projects/:id", handlers.Do(handlers.GetProject))
	api.PATCH("/projects/:id", handlers.Do(handlers.UpdateProject))
	api.DELETE("/projects/:id", handlers.Do(handlers.DeleteProject))

	api.Match(read, "/projects/:id/tasks", handlers.Do(handlers.ListTasks))
	api.POST("/projects/:id/tasks", handlers.Do(handlers.CreateTask))
	api.Match(read, "/tasks/:id", handlers.Do(handlers.GetTask))
	api.PATCH("/tasks/:id", handlers.Do(handlers.UpdateTask))
	api.DELETE("/tasks/:id", handlers.Do(handlers.DeleteTask))

	api.Match(read, "/activity", handlers.Do(handlers.ListActivity))

	imports := r.Group("/api", resolve, tenants.Scoped(a.store, tenants.ScopeOptions{MaxBody: maxImport}))
	imports.POST("/projects/:id/tasks/import", handlers.Do(handlers.ImportTasks))
	return r
}

// operatorHandler serves operators. Once ctx has ended it is not ready.
func (a *App) operatorHandler(ctx context.Context) http.Handler {
	r := a.newRouter()
	read := []string{http.MethodGet, http.MethodHead}
	r.NoRoute(handlers.NotFound)
	r.NoMethod(handlers.MethodNotAllowed)

	r.Match(read, "/healthz", healthy)
	r.Match(read, "/readyz", a.ready(ctx))
	return r
}

// newRouter is a router with what both listeners have in common, in the order
// in which a request meets it.
func (a *App) newRouter() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // or gin prints to standard output
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.RemoteIPHeaders = []string{"X-Forwarded-For"}
	r.ForwardedByClientIP = len(a.settings.proxies) > 0
	var trusted []string
	for _, network := range a.settings.proxies {
		trusted = append(trusted, network.String())
	}
	if err := r.SetTrustedProxies(trusted); err != nil {
		panic(err) // validate let only networks through
	}
	r.Use(
		identify(a.settings.proxies),
		logAccess(a.log),
		recoverPanics(a.log),
		handlers.Problems(a.log),
		harden,
		limitBody(maxImport),
	)
	return r
}

// healthy answers while the process runs.
func healthy(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// ready answers 200 while requests can be served: the process isn't stopping
// and its master answers.
func (a *App) ready(serving context.Context) gin.HandlerFunc {
	return func(c *gin.Context) {
		if serving.Err() != nil {
			_ = c.Error(fmt.Errorf("stopping: %w", tenants.ErrClosed))
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
		defer cancel()
		err := a.master.View(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
		if err != nil {
			_ = c.Error(fmt.Errorf("ask master: %w: %w", tenants.ErrUnavailable, err))
			return
		}
		c.JSON(http.StatusOK, gin.H{"status": "ready"})
	}
}
