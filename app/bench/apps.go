//go:build unix

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

// The applications under test. All answer GET /open, a list of 20 projects, and all but floor GET
// /api/projects, the same list for a user who is signed in. All use the same driver with the same
// settings and statement cache.
//
// The naive design opens a tenant's database for each request. The other one that comes to mind, a
// map of databases without bounds, is as fast as this until it has used up the descriptors.
const (
	floor = "floor" // net/http and database/sql, one database
	base  = "base"  // Gin and GORM, one database
	naive = "naive" // base, with a database opened for each request
	ours  = "this"  // Tenantry
)

// projectsShown is the number of projects of a tenant.
const projectsShown = 20

// installation is an application's tenants, and the tokens of a user of each.
type installation struct {
	*app.App
	tenants []*tenants.Tenant
	tokens  []string
}

// install creates tenants in the folder. It must be closed.
func install(ctx context.Context, dir string, count int) (*installation, error) {
	c := app.Defaults()
	c.DataDir, c.Durability = dir, "normal"
	opened, err := app.New(ctx, c, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	in := &installation{App: opened}
	for i := range count {
		tenant, err := in.Manager().Create(ctx, lifecycle.NewTenant{Subdomain: fmt.Sprint("t", i)})
		if err != nil {
			return in, err
		}
		token, digest := auth.Mint(tenant.ID, auth.KindSession)
		err = in.Store().Update(ctx, tenant, func(tx *gorm.DB) error { return fill(tx, digest) })
		if err != nil {
			return in, err
		}
		in.tenants, in.tokens = append(in.tenants, tenant), append(in.tokens, token)
	}
	return in, nil
}

// fill adds a user who is signed in, and projects.
func fill(tx *gorm.DB, digest []byte) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	user := models.User{Email: "ada@example.com", Name: "Ada", Role: models.RoleMember, Credentials: []models.Credential{{
		Kind: models.KindSession, Digest: digest, CreatedAt: now, LastUsedAt: &now, ExpiresAt: now.Add(24 * time.Hour),
	}}}
	if err := tx.Create(&user).Error; err != nil {
		return err
	}
	projects := make([]models.Project, projectsShown)
	for i := range projects {
		projects[i] = models.Project{Name: fmt.Sprint("Project ", i), Description: "What is to be done for this customer, and by when."}
	}
	return tx.Create(projects).Error
}

// handler returns an application.
func (in *installation) handler(ctx context.Context, kind string) (http.Handler, error) {
	if kind == ours {
		return in.ours(), nil
	}
	engine, err := in.Store().Server(tenants.DefaultServer)
	if err != nil {
		return nil, err
	}
	conns, err := engine.Open(ctx, in.tenants[0])
	if err != nil {
		return nil, err
	}
	switch one := bare(engine, conns); kind {
	case floor:
		return floorApp(conns.Read), nil
	case base:
		return ginApp(func(ctx context.Context, f tenants.Func) error { return transaction(ctx, one, f) }), nil
	case naive:
		return ginApp(func(ctx context.Context, f tenants.Func) error {
			conns, err := engine.Open(ctx, in.tenants[0])
			if err != nil {
				return err
			}
			defer conns.Close()
			return transaction(ctx, bare(engine, conns), f)
		}), nil
	}
	return nil, fmt.Errorf("no application %q", kind)
}

// ours is Tenantry: its engine alone at /open, and all of it elsewhere.
func (in *installation) ours() http.Handler {
	requests := web.New(in.Store(), web.Options{Domain: in.BaseDomain()})
	engine := gin.New()
	engine.GET("/open", requests.Resolve(), requests.Scoped(web.ScopeOptions{}), func(c *gin.Context) {
		if err := list(c, web.Tx(c)); err != nil {
			_ = c.Error(err)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("/open", engine)
	mux.Handle("/", in.Public())
	return mux
}

// bare returns a *gorm.DB with nothing between it and the driver.
func bare(engine tenants.Engine, conns *tenants.Conns) *gorm.DB {
	db := engine.Base().Session(&gorm.Session{NewDB: true})
	db.Config.ConnPool, db.Statement.ConnPool = conns.Read, conns.Read
	return db
}

func transaction(ctx context.Context, db *gorm.DB, f tenants.Func) error {
	return db.WithContext(ctx).Transaction(f, &sql.TxOptions{ReadOnly: true})
}

// project is how a project is shown.
type project struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Archived    bool   `json:"archived"`
}

// list answers with the projects.
func list(c *gin.Context, tx *gorm.DB) error {
	var found []models.Project
	if err := tx.Select("id", "name", "description", "archived").Order("id").Limit(51).Find(&found).Error; err != nil {
		return err
	}
	items := make([]project, len(found))
	for i, p := range found {
		items[i] = project{p.ID, p.Name, p.Description, p.Archived}
	}
	c.JSON(http.StatusOK, gin.H{"items": items, "next": nil})
	return nil
}

// ginApp is an application of Gin and GORM.
func ginApp(in func(ctx context.Context, f tenants.Func) error) http.Handler {
	engine := gin.New()
	answer := func(c *gin.Context, f tenants.Func) {
		if err := in(c.Request.Context(), f); err != nil {
			c.String(http.StatusInternalServerError, "%v", err)
		}
	}
	engine.GET("/open", func(c *gin.Context) { answer(c, func(tx *gorm.DB) error { return list(c, tx) }) })
	engine.GET("/api/projects", func(c *gin.Context) {
		answer(c, func(tx *gorm.DB) error {
			if err := signedIn(c, tx); err != nil {
				return err
			}
			return list(c, tx)
		})
	})
	return engine
}

// signedIn makes the query by which Tenantry finds the request's sender.
func signedIn(c *gin.Context, tx *gorm.DB) error {
	text, err := auth.Bearer(c.GetHeader("Authorization"))
	if err != nil {
		return err
	}
	_, digest, err := auth.Digest(c.GetHeader("Tenant"), text)
	if err != nil {
		return err
	}
	var who struct {
		ID          int64
		Kind        string
		LastUsedAt  *time.Time
		UserID      int64
		Email, Name string
		Role        string
	}
	err = tx.Raw(`SELECT credentials.id, credentials.kind, credentials.last_used_at, users.id AS user_id, users.email, users.name, users.role
FROM credentials JOIN users ON users.id = credentials.user_id
WHERE credentials.digest = ? AND credentials.kind = ? AND credentials.expires_at > ?`,
		digest, models.KindSession, time.Now().UTC()).Scan(&who).Error
	if err == nil && who.ID == 0 {
		err = gorm.ErrRecordNotFound
	}
	return err
}

// floorApp answers GET /open without Gin and GORM.
func floorApp(db *sql.DB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /open", func(w http.ResponseWriter, r *http.Request) {
		items, err := query(r.Context(), db)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items, "next": nil}) // the client has left
	})
	return mux
}

// query returns the projects, read in a transaction.
func query(ctx context.Context, db *sql.DB) ([]project, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	rows, err := tx.QueryContext(ctx, "SELECT id, name, description, archived FROM projects ORDER BY id LIMIT 51")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	items := make([]project, 0, projectsShown)
	for rows.Next() {
		var p project
		if err := rows.Scan(&p.ID, &p.Name, &p.Description, &p.Archived); err != nil {
			return nil, err
		}
		items = append(items, p)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return items, tx.Commit()
}
